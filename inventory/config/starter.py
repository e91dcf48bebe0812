"""The configuration that `inventory init` writes."""

__all__ = ["STARTER"]

STARTER = """\
# yaml-language-server: $schema=inventory.schema.json
# Editors with YAML support complete and check the keys by this schema, which is written beside this file with
#   inventory schema --format config-schema > inventory.schema.json

# The configuration of inventory. `inventory validate` checks it, offline; `inventory doctor` tries it.
# ${NAME}, ${NAME:-default}, ${file:PATH} and ${credential:NAME}, a file in CREDENTIALS_DIRECTORY, are replaced inside
# values; write $$ for a $. Put text that looks like a number or a date, or is yes or no, in quotes. Relative paths are
# relative to the folder of this file.
# If this file holds a secret, let nobody else read it: chmod 600.

database: ${INVENTORY_DATABASE_URL:-sqlite:///inventory.db}   # or postgresql://user@host/name

defaults:                       # any source key but name, for every source
  concurrency: 8                # requests under way at once
  requests_per_second: 20       # the most; a 429 lowers it for a while
  timeout: 30                   # seconds between two signs of life
  retry_seconds: 120            # for so long a transient fault is retried, and once more in the last round
  deadline: 1h                  # of reading one source: what is left then is not requested; 90s, 30m, 6h or seconds
  page_size: 10                 # page_req.per_page, 0 to 100
  max_body_mib: 256             # the largest answer
  language: en-us               # of the service's messages: en-us or zh-cn

sources:
  - name: prod-north            # what every table calls this source
    region: cn-north-4          # these two follow from it:
#    endpoint: https://drs.cn-north-4.myhuaweicloud.com
#    iam_endpoint: https://iam.cn-north-4.myhuaweicloud.com
#    project_id: 0123456789abcdef0123456789abcdef   # else looked up by its name:
#    project_name: cn-north-4_team   # a sub-project; without it the region's main project
#    plain_http: true           # an endpoint with http on another machine; never over an open network
    auth: {access_key: "${HW_ACCESS_KEY}", secret_key: "${HW_SECRET_KEY}"}
#    auth: {token: "${HW_AUTH_TOKEN}"}
#    auth: {username: exporter, password: "${file:/run/secrets/exporter}", domain: my-account}   # or domain_id, user_id
#    without auth: HW_*, HUAWEICLOUD_SDK_* or OS_* variables, else ~/.huaweicloud/credentials
    jobs: all                   # found with the list API; or a list of ids; or {file: ids.txt}, "-" for standard input
#    jobs: {file: ids.txt, allow_empty: true}   # an id a line; without allow_empty a list without ids is an error
    except: []                  # ids never asked for
#    scenarios: [migration, sync, cloudDataGuard]   # of which kinds of job the list is read
    children: false             # true: sub-tasks are read as jobs of their own
#    filter:                    # of what the list names; a job that is known already is always asked for
#      status: [INCRE_TRANSFER_STARTED]
#      engine_type: [mysql]
#      name: "prod-*"
#      tags: {team: payments}
#      enterprise_project_id: "0"
#  - name: sample
#    replay: [samples/night-1, samples/night-2]   # recordings instead of the network

parallel: 4                     # sources read at once
deadline: 6h                    # of the run: no source begins after it, and none is read further
sqlite_lock_timeout: 30m        # how long a command that writes waits for others that use the SQLite file
workers: 2                      # processes that prepare answers beside the export; 0: it does so itself
secrets: mask                   # secrets become ***; or fingerprint: HMAC-SHA256 under INVENTORY_FINGERPRINT_KEY, which
                                # shows a rotation. Equal secrets then have equal fingerprints, in all jobs and sources
redact: []                      # further columns to treat like secrets, such as alarm_endpoints.endpoint
#reports: [reports]             # folders with reports of your own, one SQL file each, for `inventory query --report`
diff: {ignore: []}              # counted, not shown, such as jobs.update_time
retention: {keep_daily: 35, keep_weekly: 12, keep_monthly: 24}
report: {owner_tag: owner}      # the tag that names a task's owner, for the view tasks
check: {after_export: false}    # true: `export` checks its sources against the rules, as `inventory check` does
#check: {rules: [rules], skip: [DRS-006], after_export: true, fail_on: new, severity: high}   # exit 2 where one is new
#signing: {key: "${file:/run/secrets/inventory-ed25519.pem}"}   # each snapshot is signed; verify --public-key checks
#ping: {start: "${PING_START}", success: "${PING_SUCCESS}", failure: "${PING_FAILURE}"}   # of a dead man's switch
"""
