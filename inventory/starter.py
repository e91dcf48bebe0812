"""The configuration that `inventory init` writes."""

__all__ = ["STARTER"]

STARTER = """\
# The configuration of inventory. `inventory validate` checks it, offline; `inventory doctor` tries it.
# ${NAME}, ${NAME:-default} and ${file:/path} are replaced inside values.

database: ${INVENTORY_DATABASE_URL:-sqlite:///inventory.db}   # or postgresql://user@host/name

defaults:                       # any source key but name, for every source
  concurrency: 8                # requests under way at once
  requests_per_second: 20       # the most; a 429 lowers it for a while
  timeout: 30                   # seconds between two signs of life
  attempts: 5                   # for one answer, and
  retry_seconds: 120            # the most that they take together
  page_size: 10                 # page_req.per_page, 0 to 100
  max_body_mib: 256             # the largest answer
  language: en-us               # of the service's messages: en-us or zh-cn

sources:
  - name: prod-north            # what every table calls this source
    region: cn-north-4          # these two follow from it:
#    endpoint: https://drs.cn-north-4.myhuaweicloud.com
#    iam_endpoint: https://iam.cn-north-4.myhuaweicloud.com
#    project_id: 0123456789abcdef0123456789abcdef   # else found from the region
#    plain_http: true           # an endpoint with http on another machine; never over an open network
    auth: {access_key: "${HW_ACCESS_KEY}", secret_key: "${HW_SECRET_KEY}"}
#    auth: {token: "${HW_AUTH_TOKEN}"}
#    auth: {username: exporter, password: "${file:/run/secrets/exporter}", domain: my-account}
#    without auth: HW_*, HUAWEICLOUD_SDK_* or OS_* variables, else ~/.huaweicloud/credentials
    jobs: all                   # found with the list API; or a list of ids; or {file: ids.txt}, - for standard input
    except: []                  # ids never asked for
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
workers: 2                      # processes that prepare answers beside the export; 0: it does so itself
secrets: mask                   # secrets become ***; or fingerprint: HMAC-SHA256 under INVENTORY_FINGERPRINT_KEY, which
                                # shows a rotation. Equal secrets then have equal fingerprints, in all jobs and sources
redact: []                      # further columns to treat like secrets, such as alarm_endpoints.endpoint
diff: {ignore: []}              # counted, not shown, such as jobs.update_time
retention: {keep_daily: 35, keep_weekly: 12, keep_monthly: 24}
#signing: {key: "${file:/run/secrets/inventory-ed25519.pem}"}   # each snapshot is signed; verify --public-key checks
#ping: {success: "${PING_SUCCESS}", failure: "${PING_FAILURE}"}   # asked once at the end of a run
"""
