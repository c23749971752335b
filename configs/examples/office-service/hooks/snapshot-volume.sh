#!/bin/bash
# A before_apply hook: before an apply that touches the node or its data volume it takes a snapshot of the volume, and waits until that is
# complete. Whatever goes wrong ends the run before anything is applied.
#
#   snapshot-volume.sh NAME ADDRESS...
#
# NAME is the tag Name of the volume. It acts where the plan changes one of the ADDRESSes, or destroys, replaces or forgets anything. It
# needs jq, the AWS CLI and GNU date, and may ec2:DescribeVolumes, ec2:DescribeSnapshots, ec2:CreateSnapshot and ec2:CreateTags.
set -euo pipefail
name=$1
shift

# As long as the hook may run (timeout of the hooks block), less what is needed to say so.
deadline=$((SECONDS + ${SNAPSHOT_TIMEOUT:-3300}))
pause=${SNAPSHOT_POLL:-10}
export AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=6 AWS_PAGER=

fail() {
  echo "$1"
  exit 1
}

run=$(cat)
# What cannot be read is an error here, and never "nothing to do".
touches=$(jq '[.plan.changes[] | select(
    (.actions | any(. == "delete" or . == "forget")) or .unknown or
    ((.actions | any(. != "no-op" and . != "read")) and ([.address, .previous_address] | any(IN($ARGS.positional[]))))
  )] | length' --args "$@" <<<"$run") || touches=
[[ $touches =~ ^[0-9]+$ ]] || fail "nobody can tell what this plan touches"
[ "$touches" -gt 0 ] || exit 0
digest=$(jq -er '.plan.digest' <<<"$run")

# The one volume of that name. Without one there is nothing to lose, if the plan is there to make it.
volumes=$(aws ec2 describe-volumes --output json --filters "Name=tag:Name,Values=$name" Name=status,Values=available,in-use)
count=$(jq 'if .Volumes | type == "array" then .Volumes | length else empty end' <<<"$volumes") || count=
[[ $count =~ ^[0-9]+$ ]] || fail "nobody can tell which volumes $name there are"
if [ "$count" -eq 0 ]; then
  jq -e '[.plan.changes[] | select(.address | endswith("aws_ebs_volume.data")) | .actions] == [["create"]]' <<<"$run" >/dev/null ||
    fail "there is no volume $name, and this plan does not make it: nobody can tell what it touches"
  echo "there is no volume $name yet"
  exit 0
fi
[ "$count" -eq 1 ] || fail "there are $count volumes $name: nobody can tell which of them this plan touches"
volume=$(jq -er '.Volumes[0].VolumeId' <<<"$volumes")

# The snapshot of this very plan: one that is being made, or was a moment ago, before the agent was stopped. What was written since an
# older one would be lost.
ours() {
  local since
  since=$(date -u -d "-15 minutes" +%Y-%m-%dT%H:%M:%S)
  aws ec2 describe-snapshots --output json --owner-ids self --filters "Name=volume-id,Values=$volume" "Name=tag:SallyportPlan,Values=$digest" |
    jq -r --arg since "$since" '[.Snapshots[] | select(.State == "pending" or (.State == "completed" and .StartTime[0:19] >= $since))] |
      sort_by(.StartTime) | last | .SnapshotId // empty'
}

tags=$(jq -c --arg name "$name" --arg digest "$digest" --arg run "${SALLYPORT_RUN:-}" '[{ResourceType: "snapshot", Tags: (
  [(.Volumes[0].Tags // [])[] | select(.Key == "Backup")] +
  [{Key: "Name", Value: "\($name) before the apply of #\($run)"}, {Key: "SallyportPlan", Value: $digest}])}]' <<<"$volumes")

# Looked for before each try: one whose answer was lost is there all the same, and a second one costs time and money.
snapshot=
for try in 1 2 3; do
  if snapshot=$(ours); then
    [ -z "$snapshot" ] || break
    snapshot=$(aws ec2 create-snapshot --output text --query SnapshotId --volume-id "$volume" --tag-specifications "$tags" \
      --description "sallyport, before the apply of #${SALLYPORT_RUN:-}") && break
  fi
  snapshot=
  echo "the cloud takes no snapshot of $volume (try $try of 3)"
  sleep "$pause"
done
[[ $snapshot =~ ^snap-[0-9a-f]+$ ]] || fail "there is no snapshot of $volume, so nothing is applied"
echo "sallyport: snapshot=$snapshot"

failures=0
while :; do
  if state=$(aws ec2 describe-snapshots --output text --query 'Snapshots[0].State' --snapshot-ids "$snapshot"); then
    failures=0
  else
    state=unknown # throttled, or not there yet: it is asked again
    failures=$((failures + 1))
  fi
  case $state in
    completed) break ;;
    error*) fail "the snapshot $snapshot of $volume failed, so nothing is applied" ;;
  esac
  [ "$failures" -lt 5 ] || fail "nobody can tell how the snapshot $snapshot of $volume is, so nothing is applied"
  [ "$SECONDS" -lt "$deadline" ] || fail "the snapshot $snapshot of $volume is not complete in time ($state), so nothing is applied; plan again when it is"
  sleep "$pause"
done
echo "the snapshot $snapshot of $volume is complete"
