#!/bin/bash
# An after_plan hook: what a plan costs a month, from Infracost, which asks its own service for prices: kinds and sizes of resources
# leave the machine, and it needs INFRACOST_API_KEY. More than INFRACOST_WARN_ABOVE (100) a month warns; so does a plan whose costs
# nobody could tell, since that is no reason to refuse one.
set -euo pipefail
verdict=2
trap 'exit $verdict' EXIT

export INFRACOST_SKIP_UPDATE_CHECK=true
if ! report=$(infracost breakdown --path "$SALLYPORT_PLAN_JSON" --format json --no-color); then
  echo "nobody can tell what this costs: infracost failed"
  exit
fi
if ! read -r currency total change more < <(jq -r --arg above "${INFRACOST_WARN_ABOVE:-100}" '
  def cents: . * 100 | round / 100;
  (.totalMonthlyCost // "0" | tonumber) as $total |
  ((.pastTotalMonthlyCost // ([.projects[]?.pastBreakdown.totalMonthlyCost // "0" | tonumber] | add // 0)) | tonumber) as $past |
  "\(.currency // "USD" | gsub("[^A-Z]"; "")) \($total | cents) \($total - $past | cents) \($total - $past > ($above | tonumber))"
' <<<"$report"); then
  echo "nobody can tell what this costs: infracost's report cannot be read"
  exit
fi

echo "sallyport: monthly_cost=$total $currency"
echo "sallyport: monthly_cost_change=$change $currency"
if [ "$more" = true ]; then
  echo "it costs $change $currency a month more, which is over ${INFRACOST_WARN_ABOVE:-100}"
else
  verdict=0
fi
