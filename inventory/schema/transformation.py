"""Tables 17 to 20: the conditions that filter the rows that a job migrates."""

from inventory.schema.entities import entity
from inventory.schema.fields import Place, field, item, item_occurrence, parent_item
from inventory.schema.kinds import TEXT

__all__ = ["FILTER_CONDITIONS", "FILTER_OBJECT_INFOS"]

_TYPES = ("contentConditionalFilter", "configConditionalFilter")

FILTER_CONDITIONS = entity(
    "filter_conditions",
    "Conditions that filter a job's data (Table 17, with Tables 19 and 20 flattened).",
    item(
        "transformation_info.transformation_type", "config_transformation.db_table_name",
        "config_transformation.db_name", "config_transformation.table_name", "config_transformation.col_names",
        "data_transformation_object_infos[].id",
    ),
    field(
        "transformation_info_transformation_type", TEXT,
        "contentConditionalFilter for a processing rule, configConditionalFilter for a configuration rule.",
        table=19, path="transformation_info.transformation_type", values=_TYPES,
    ),
    field(
        "transformation_info_value", TEXT,
        "The condition: SQL for a processing rule, config for a configuration rule; at most 256 characters.",
        table=19, path="transformation_info.value", free_text=True,
    ),
    field(
        "config_transformation_db_table_name", TEXT, "Database and table with a dot between them.",
        table=20, path="config_transformation.db_table_name",
    ),
    field(
        "config_transformation_db_name", TEXT, "Database name; at most 256 characters.",
        table=20, path="config_transformation.db_name",
    ),
    field(
        "config_transformation_table_name", TEXT, "Table name; at most 256 characters.",
        table=20, path="config_transformation.table_name",
    ),
    field(
        "config_transformation_col_names", TEXT, "Column name; at most 256 characters.",
        table=20, path="config_transformation.col_names",
    ),
    field(
        "config_transformation_prim_key_or_index", TEXT, "Primary key or unique index; at most 256 characters.",
        table=20, path="config_transformation.prim_key_or_index",
    ),
    field(
        "config_transformation_indexs", TEXT, "Index that is to be optimized; at most 256 characters.",
        table=20, path="config_transformation.indexs",
    ),
    field(
        "config_transformation_values", TEXT, "Filtering criteria; at most 256 characters.",
        table=20, path="config_transformation.values", free_text=True,
    ),
    places=[Place("data_transformation.filter_conditions")],
    foreign_key=(("job_id",), ("id",)),
)  # fmt: skip

FILTER_OBJECT_INFOS = entity(
    "filter_object_infos",
    "Objects that a filter condition applies to (Table 18).",
    parent_item("filter_conditions"),
    field("id", TEXT, "Database, table and kind of filter: db-*-*-table-*-*---conditionFilter--.", table=18, key=True),
    item_occurrence("filter_conditions"),
    field(
        "data_transformation_type", TEXT,
        "contentConditionalFilter for a processing rule, configConditionalFilter for a configuration rule.",
        table=18, values=_TYPES,
    ),
    field("db_name", TEXT, "Database of the table. In the example response, absent from Table 18.", table=None),
    field("schema_name", TEXT, "Schema of the table.", table=18),
    field("table_name", TEXT, "Table whose data is filtered; the example's id names another.", table=18),
    places=[Place("data_transformation_object_infos")],
    parent="filter_conditions",
    foreign_key=(("job_id", "item", "item_occurrence"), ("job_id", "item", "occurrence")),
)  # fmt: skip
