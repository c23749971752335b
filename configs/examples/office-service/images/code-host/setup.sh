#!/bin/sh
# Runs once, while the image is built. What is installed here is an example: a git server of files, over ssh and https.
set -eu

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends git nginx fcgiwrap xfsprogs

# Waits for the data volume, formats it only if nothing was ever written to it, and mounts it. The volume comes after the
# instance, so this may take a minute.
cat > /usr/local/sbin/mount-data <<'TEXT'
#!/bin/sh
set -eu
device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_$(echo "$1" | tr -d -)
tries=0
until [ -e "$device" ]; do
	tries=$((tries + 1))
	[ "$tries" -le 300 ] || { echo "volume $1 never came" >&2; exit 1; }
	sleep 2
done
# blkid says 2 of a device without any signature. Every other failure is a reason to leave the volume alone.
kind=0
blkid -p "$device" >/dev/null || kind=$?
case $kind in
0) ;;
2) mkfs.xfs "$device" ;;
*) echo "volume $1 cannot be read" >&2; exit 1 ;;
esac
mkdir -p /srv/git
grep -q ' /srv/git ' /etc/fstab || echo "$device /srv/git xfs nofail,noatime 0 2" >> /etc/fstab
mountpoint -q /srv/git || mount /srv/git
systemctl restart nginx
TEXT
chmod 0755 /usr/local/sbin/mount-data
