#!/bin/bash
# A notify command for Microsoft Teams. TEAMS_URL is the address of a workflow "Post to a channel when a webhook request is received".
# The address is a secret: curl reads it from a file, since everybody on the machine sees the words of a command.
set -euo pipefail
jq --compact-output '{
  type: "message",
  attachments: [{
    contentType: "application/vnd.microsoft.card.adaptive",
    content: {
      type: "AdaptiveCard", version: "1.4",
      body: [
        {type: "TextBlock", text: .text, wrap: true, weight: "bolder"},
        {type: "TextBlock", text: (.commands | join("\n\n")), wrap: true, fontType: "monospace"}
      ],
      actions: (if .link == "" then [] else [{type: "Action.OpenUrl", title: "Slack", url: .link}] end)
    }
  }]
}' | curl --silent --show-error --fail --max-time 20 --header 'Content-Type: application/json' --data-binary @- \
  --config <(printf 'url = "%s"\n' "$TEAMS_URL") >/dev/null
