#!/bin/bash
# An after_plan hook: what Trivy finds wrong in a plan. Something critical refuses it, anything else that TRIVY_SEVERITY names warns. A
# plan in which it finds nothing to check warns too: nobody can tell whether that is how it should be.
set -euo pipefail
verdict=1 # of whatever ends this early: jq has codes of its own, and 2 would be a warning
trap 'exit $verdict' EXIT

report=$(trivy config --quiet --format json --exit-code 0 --severity "${TRIVY_SEVERITY:-HIGH,CRITICAL}" "$SALLYPORT_PLAN_JSON")
read -r held critical other < <(jq -r '
  [.Results[]?] as $all | [$all[].Misconfigurations[]? | select(.Status == "FAIL")] as $found |
  "\([$all[].MisconfSummary.Successes // 0] | add // 0) \([$found[] | select(.Severity == "CRITICAL")] | length) \([$found[] | select(.Severity != "CRITICAL")] | length)"
' <<<"$report")

# Addresses and titles, no values. Indented: these come from the repository, and a fact begins a line.
jq -r '.Results[]?.Misconfigurations[]? | select(.Status == "FAIL") |
  "  \(.Severity) \(.CauseMetadata.Resource // "?"): \(.Title) (\(.ID))" | gsub("\n"; " ")' <<<"$report" | sort -u
echo "trivy: $held checks hold, $critical critical, $other other findings"
if [ $((held + critical + other)) -eq 0 ]; then
  echo "it found nothing to check in this plan"
  verdict=2
elif [ "$critical" -eq 0 ]; then
  verdict=$((other > 0 ? 2 : 0))
fi
