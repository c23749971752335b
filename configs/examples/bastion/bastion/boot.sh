# The rest of the node's user data, run by cloud-init at its first boot. What comes before sets VOLUME, RELEASE, RELEASE_SHA256,
# CREDENTIALS_PATH, CONFIG and the region.
set -euo pipefail
umask 077

data=/var/lib/sallyport

# token and meta ask the instance who it is.
token=$(curl -sSf -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 600')
meta() { curl -sSf -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"; }
instance=$(meta instance-id)

# The node before this one may be shutting down and still hold the volume. Until that lets go of it there is nothing to do: two
# agents on one store must never be.
for attempt in $(seq 120); do
	if aws ec2 attach-volume --volume-id "$VOLUME" --instance-id "$instance" --device /dev/sdf; then
		break
	fi
	[ "$attempt" -lt 120 ] || { echo "volume $VOLUME stays with another node" >&2; exit 1; }
	sleep 10
done
device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${VOLUME//-/}
for attempt in $(seq 60); do
	if [ -e "$device" ]; then break; fi
	[ "$attempt" -lt 60 ] || { echo "volume $VOLUME never came" >&2; exit 1; }
	sleep 2
done

# blkid says 2 of a device without any signature. Every other failure is a reason to leave the volume alone.
kind=0
blkid -p "$device" >/dev/null || kind=$?
case $kind in
0) ;;
2) mkfs.xfs "$device" ;;
*) echo "volume $VOLUME cannot be read" >&2; exit 1 ;;
esac

# The same numbers on every node, or the next one could not read what this one has written.
groupadd --system --gid 870 sallyport
useradd --system --uid 870 --gid 870 --home-dir "$data" --no-create-home --shell /sbin/nologin sallyport
groupadd --system --gid 871 sallyport-tf
for n in 1 2 3 4 5 6 7 8; do # one for each run at work
  groupadd --system --gid "$((871 + n))" "sallyport-tf$n"
  useradd --system --uid "$((871 + n))" --gid "$((871 + n))" --home-dir /nonexistent --no-create-home --shell /sbin/nologin "sallyport-tf$n"
done

# Not nofail: without its volume the agent must not start, it would have forgotten everything.
install -d -m 0711 "$data"
echo "$device $data xfs defaults,noatime 0 2" >> /etc/fstab
systemctl daemon-reload
mount "$data"

dnf install -y git

work=$(mktemp -d)
aws s3 cp --only-show-errors "$RELEASE" "$work/release.tar.gz"
echo "$RELEASE_SHA256  $work/release.tar.gz" | sha256sum --check --quiet
tar -C "$work" --strip-components=1 -xzf "$work/release.tar.gz"
install -d -m 0755 /etc/sallyport
echo "$CONFIG" | base64 -d | install -m 0644 /dev/stdin /etc/sallyport/sallyport.hcl
"$work/install.sh"
rm -rf "$work"

# What systemd hands to the agent, and to nobody else.
credentials=/etc/sallyport/credentials
install -d -m 0700 "$credentials"
aws ssm get-parameters-by-path --path "$CREDENTIALS_PATH" --with-decryption --query 'Parameters[].[Name,Value]' --output text |
	while IFS=$'\t' read -r name value; do
		printf '%s' "$value" > "$credentials/${name##*/}"
	done

systemctl enable --now sallyport
