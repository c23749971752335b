#!/bin/bash
# An after_plan hook: what conftest's policies say of a plan. A rule named deny refuses it, one named warn warns, and how many hold is
# a note. Where nothing was checked (no conftest, a policy that it cannot read, no rule at all) it refuses.
set -euo pipefail
verdict=1 # of whatever ends this early: jq has codes of its own, and 2 would be a warning
trap 'exit $verdict' EXIT

# Its exit code 1 is a plan that is refused as well as an error of its own; only of the first does it print a report.
report=$(conftest test --no-color --output json --policy "${CONFTEST_POLICY:-/etc/sallyport/policy}" "$SALLYPORT_PLAN_JSON") || [ -n "$report" ]
read -r held warned refused < <(jq -r '"\(map(.successes) | add) \(map(.warnings // [] | length) | add) \(map(.failures // [] | length) | add)"' <<<"$report")

# Indented: what a policy says can come from the repository, and a fact begins a line.
jq -r '.[] | ((.failures // [])[] | "  refused: \(.msg)"), ((.warnings // [])[] | "  warning: \(.msg)") | gsub("\n"; "\n  ")' <<<"$report"
echo "policies: $held hold, $warned warn, $refused refuse"
if [ $((held + warned + refused)) -eq 0 ]; then
  echo "no policy has a rule for it, so nothing was checked"
elif [ "$refused" -eq 0 ]; then
  verdict=$((warned > 0 ? 2 : 0))
fi
