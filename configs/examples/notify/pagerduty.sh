#!/bin/bash
# A notify command for PagerDuty's Events API v2. ROUTING_KEY is that of the service's integration.
set -euo pipefail
jq --compact-output '{
  routing_key: $ENV.ROUTING_KEY,
  event_action: "trigger",
  dedup_key: .id,
  payload: {
    summary: .text,
    source: "sallyport",
    severity: (if .event == "errored" or .event == "interrupted" then "error" else "warning" end),
    timestamp: .at,
    component: .stack,
    custom_details: {run, event, status, commit, commands}
  },
  links: (if .link == "" then [] else [{href: .link, text: "Slack"}] end)
}' | curl --silent --show-error --fail --max-time 20 --header 'Content-Type: application/json' --data-binary @- \
  https://events.pagerduty.com/v2/enqueue >/dev/null
