"""The configuration that `inventory init` writes."""

__all__ = ["STARTER"]

STARTER = """\
# The configuration of inventory. `inventory validate` checks it, offline.
# ${NAME}, ${NAME:-default} and ${file:/path} are replaced inside values.

database: ${INVENTORY_DATABASE_URL:-sqlite:///inventory.db}   # or postgresql://user@host/name

defaults:                       # any source key but name, for every source
  concurrency: 8                # requests under way at once
  requests_per_second: 20
  timeout: 30                   # seconds
  page_size: 10                 # page_req.per_page, 0 to 100
  language: en-us               # of the service's messages: en-us or zh-cn

sources:
  - name: prod-north            # what every table calls this source
    region: cn-north-4          # the endpoint follows from it; or give `endpoint:`
    project_id: 0123456789abcdef0123456789abcdef
    auth: {token: "${HW_AUTH_TOKEN}"}
    jobs: {file: jobs.txt}      # an id a line, beside this file; or a list of ids
    except: []                  # ids never asked for
#  - name: sample
#    replay: [samples/night-1, samples/night-2]   # recordings instead of the network

secrets: drop                   # or fingerprint: HMAC-SHA256 under INVENTORY_FINGERPRINT_KEY, so that a rotation shows
redact: []                      # further columns to treat like secrets, such as alarm_endpoints.endpoint
diff: {ignore: []}              # counted, not shown, such as jobs.update_time
retention: {keep_daily: 35, keep_weekly: 12, keep_monthly: 24}
"""
