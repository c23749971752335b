#!/bin/bash
# A notify command that sends a mail to MAILTO. Tries of one event have one Message-ID, by which many mail programs show it once.
set -euo pipefail
jq --raw-output '
  "To: \($ENV.MAILTO)",
  "Subject: =?UTF-8?B?\(.text | @base64)?=",
  "Message-ID: <\(.id | gsub("[^0-9A-Za-z]"; "."))@sallyport.invalid>",
  "MIME-Version: 1.0",
  "Content-Type: text/plain; charset=UTF-8",
  "",
  .text,
  "",
  (if .link == "" then empty else .link, "" end),
  .commands[],
  "",
  "\(.event) at \(.at)"
' | sendmail -t
