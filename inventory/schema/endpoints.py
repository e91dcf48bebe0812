"""Tables 7 and 8: the source and target databases of a job; one shape in four places, distinguished by `role`."""

from inventory.schema.entities import entity
from inventory.schema.fields import Empty, Place, field, item, own
from inventory.schema.kinds import BOOLEAN, BOOLEAN_NUMBER, INTEGER, TEXT

__all__ = ["ENDPOINTS"]

# The seven of Table 7, then those from the reference's list of engines.
_DB_TYPES = (
    "mysql",
    "mongodb",
    "gaussdbv5",
    "taurus",
    "gaussdbv5ha",
    "kafka",
    "postgresql",
    "redis",
    "rediscluster",
    "gaussredis",
    "oracle",
)
_PROTOCOLS = ("PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL")
_SASL_MECHANISMS = ("GSSAPI", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

ENDPOINTS = entity(
    "endpoints",
    "Databases at a job's ends: source, destination, DMQ and physical sources (Table 7, with Table 8 flattened).",
    own("role", TEXT, "Where it stands in the job: source, dmq, source_sharding or target", key=True),
    item("ip", "db_port", note="; '' for the three that are no list"),
    field("db_type", TEXT, "Database type.", table=7, values=_DB_TYPES),
    field("az_code", TEXT, "Code of the AZ where the database is located.", table=7),
    field("region", TEXT, "Region where the instance is located; for cloud instances.", table=7, index=True),
    field("inst_id", TEXT, "Instance ID; for cloud instances.", table=7),
    field("vpc_id", TEXT, "VPC where the database is located.", table=7),
    field("subnet_id", TEXT, "Subnet where the database is located.", table=7),
    field("security_group_id", TEXT, "Security group to which the database belongs.", table=7),
    field("project_id", TEXT, "Project to which the instance belongs.", table=7),
    field("db_name", TEXT, "Service name, for an Oracle source; at most 128 characters, none of !<>&'\\\".", table=7),
    field("db_password", TEXT, "Password of the database user.", table=7, secret=True),
    field("db_port", INTEGER, "Port of the database, 1 to 65535.", table=7),
    field("db_user", TEXT, "Database user.", table=7),
    field("inst_name", TEXT, "Name of the RDS instance.", table=7),
    field("ip", TEXT, "Address of the database; can be several host:port pairs with commas between them.", table=7),
    field("mongo_ha_mode", TEXT, "HA mode of MongoDB; values not stated.", table=7),
    field("safe_mode", BOOLEAN_NUMBER, "Whether an MRS cluster is in security mode.", table=7, values=("0", "1")),
    field("ssl_cert_password", TEXT, "Password of the SSL certificate, a .p12 file.", table=7, secret=True),
    field("ssl_cert_check_sum", TEXT, "Checksum of the SSL certificate; for a secure source connection.", table=7),
    field("ssl_cert_key", TEXT, "Content of the SSL certificate in Base64.", table=7, secret=True),
    field("ssl_cert_name", TEXT, "Name of the SSL certificate.", table=7),
    field("ssl_link", BOOLEAN, "Whether SSL is enabled.", table=7),
    field("topic", TEXT, "Name of the Kafka topic.", table=7),
    field(
        "cluster_mode", TEXT, "Set for MongoDB 4.0 or later where the addresses of sharded nodes cannot be obtained.",
        table=7, values=("Sharding4.0+",),
    ),
    field(
        "kafka_security_config_type", TEXT, "Security protocol of Kafka (security.protocol).",
        table=8, path="kafka_security_config.type", values=_PROTOCOLS,
    ),
    field(
        "kafka_security_config_trust_store_key_name", TEXT, "Name of the certificate; for SSL and SASL_SSL.",
        table=8, path="kafka_security_config.trust_store_key_name",
    ),
    field(
        "kafka_security_config_trust_store_key", TEXT, "Content of the certificate in Base64; for SSL and SASL_SSL.",
        table=8, path="kafka_security_config.trust_store_key", secret=True,
    ),
    field(
        "kafka_security_config_trust_store_password", TEXT, "Password of the certificate, where it has one.",
        table=8, path="kafka_security_config.trust_store_password", secret=True,
    ),
    field(
        "kafka_security_config_endpoint_algorithm", TEXT,
        "How the server's host name is checked against its certificate (ssl.endpoint.identification.algorithm); "
        "'' means not at all.",
        table=8, path="kafka_security_config.endpoint_algorithm", empty=Empty.VALUE,
    ),
    field(
        "kafka_security_config_sasl_mechanism", TEXT, "SASL mechanism of the client's connection (sasl.mechanism).",
        table=8, path="kafka_security_config.sasl_mechanism", values=_SASL_MECHANISMS,
    ),
    field(
        "kafka_security_config_delegation_tokens", BOOLEAN,
        "Whether tokens authenticate; only with SASL_SSL or SASL_PLAINTEXT, and SCRAM-SHA-256 or SCRAM-SHA-512.",
        table=8, path="kafka_security_config.delegation_tokens",
    ),
    field(
        "kafka_security_config_enable_key_store", BOOLEAN, "Whether SSL authenticates both sides.",
        table=8, path="kafka_security_config.enable_key_store",
    ),
    field(
        "kafka_security_config_key_store_key", TEXT, "Keystore certificate; where SSL authenticates both sides.",
        table=8, path="kafka_security_config.key_store_key", secret=True,
    ),
    field(
        "kafka_security_config_key_store_key_name", TEXT,
        "Name of the keystore certificate; where SSL authenticates both sides.",
        table=8, path="kafka_security_config.key_store_key_name",
    ),
    field(
        "kafka_security_config_key_store_password", TEXT,
        "Password of the keystore certificate, where it has one (ssl.keystore.password).",
        table=8, path="kafka_security_config.key_store_password", secret=True,
    ),
    field(
        "kafka_security_config_set_private_key_password", BOOLEAN,
        "Whether the keystore's private key has a password; the default is false.",
        table=8, path="kafka_security_config.set_private_key_password",
    ),
    field(
        "kafka_security_config_key_password", TEXT,
        "Password of the keystore's private key (ssl.key.password), where set_private_key_password says it has one.",
        table=8, path="kafka_security_config.key_password", secret=True,
    ),
    places=[
        Place("source_endpoint", many=False, role="source"),
        Place("dmq_endpoint", many=False, role="dmq"),
        Place("source_sharding", role="source_sharding"),
        Place("target_endpoint", many=False, role="target"),
    ],
    foreign_key=(("job_id",), ("id",)),
)  # fmt: skip
