#!/usr/bin/env bash
# Installs or upgrades Sallyport on this machine. It can be run again at any time: it only adds what is missing, replaces
# the binary and the systemd unit, and never touches a configuration. It does not start anything by itself.
set -euo pipefail
umask 022

usage() {
	cat <<'TEXT'
usage: sudo ./install.sh [--binary FILE] [--restart]
       ./install.sh --prefix DIR [--binary FILE] [--no-systemd]

  --binary FILE   install this binary instead of building one with the Go toolchain
  --restart       restart the agent if it is running; an apply that is running is left alone
  --no-systemd    do not install the systemd unit
  --prefix DIR    install into DIR as if it were /, without making users: to try it, or to build an image
  --help          this text
TEXT
}

say() { printf '%s\n' "$*"; }
note() { printf '  %-12s %s\n' "$1" "$2"; }
warn() { printf 'install.sh: warning: %s\n' "$*" >&2; }
die() {
	printf 'install.sh: error: %s\n' "$1" >&2
	[ -z "${2-}" ] || printf 'hint: %s\n' "$2" >&2
	exit "${3-1}"
}

prefix='' binary='' systemd=yes restart=no
name=sallyport
user=$name group=$name
terraform_user=$name-tf # terraform { user } of the configuration: NAME1 to NAME8, one for each run at work
terraform_users=8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=''
cleanup() { [ -z "$scratch" ] || rm -rf "$scratch"; }
trap cleanup EXIT

parse() {
	while [ $# -gt 0 ]; do
		case $1 in
		--prefix=* | --binary=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue
			;;
		--prefix | --binary)
			[ -n "${2-}" ] || die "$1 needs a value" 'see ./install.sh --help' 2
			if [ "$1" = --prefix ]; then prefix=$2; else binary=$2; fi
			shift
			;;
		--no-systemd) systemd=no ;;
		--restart) restart=yes ;;
		-h | --help)
			usage
			exit 0
			;;
		*) die "unknown argument $1" 'see ./install.sh --help' 2 ;;
		esac
		shift
	done
	if [ -n "$prefix" ]; then
		mkdir -p "$prefix"
		prefix=$(cd "$prefix" && pwd)
		[ "$prefix" != / ] || prefix=''
	fi
	if [ -z "$prefix" ] && [ "$(id -u)" -ne 0 ]; then
		die 'installing into the system takes root' 'use sudo, or --prefix DIR to look at the result first'
	fi
	if [ "$restart" = yes ] && { [ -n "$prefix" ] || [ "$systemd" = no ]; }; then
		die '--restart restarts the systemd unit; it does not go with --prefix or --no-systemd' '' 2
	fi
}

# live reports whether systemd runs this very system.
live() { [ -z "$prefix" ] && [ "$systemd" = yes ] && [ -d /run/systemd/system ]; }

# get_binary sets $binary to a file that works on this machine.
get_binary() {
	if [ -n "$binary" ]; then
		[ -f "$binary" ] || die "there is no file $binary"
	else
		command -v go >/dev/null ||
			die 'there is no Go toolchain to build with' \
				'build it as yourself, go build -trimpath ./agent/cmd/sallyport, then use --binary sallyport'
		say 'building sallyport'
		scratch=$(mktemp -d)
		local flags=(-trimpath)
		# git does not answer about somebody else's clone, and then go does not build.
		git -C "$here" rev-parse HEAD >/dev/null 2>&1 || flags+=(-buildvcs=false)
		(cd "$here" && CGO_ENABLED=0 go build "${flags[@]}" -o "$scratch/$name" ./agent/cmd/sallyport) ||
			die 'building sallyport did not work'
		binary=$scratch/$name
	fi
	# Before anything is replaced: a binary for another machine must not take the place of a good one.
	[ -x "$binary" ] || die "$binary is not executable" "chmod +x $binary"
	"$binary" version >/dev/null 2>&1 || die "$binary does not run on this machine ($(uname -sm))"
}

# make_users makes the agent's system user and its group, which people join to use the command line, and terraform's users, whose
# groups nobody joins: what they may read, plans and pull requests may read. Each run at work has one of them for itself.
make_users() {
	[ -z "$prefix" ] || return 0
	local shell
	shell=$(command -v nologin || echo /bin/false)
	getent group "$group" >/dev/null || {
		groupadd --system "$group"
		note made "group $group"
	}
	getent passwd "$user" >/dev/null || {
		useradd --system --gid "$group" --home-dir /var/lib/sallyport --no-create-home --shell "$shell" "$user"
		note made "user $user"
	}
	getent group "$terraform_user" >/dev/null || {
		groupadd --system "$terraform_user"
		note made "group $terraform_user"
	}
	local n one
	for n in $(seq "$terraform_users"); do
		one=$terraform_user$n
		getent group "$one" >/dev/null || groupadd --system "$one"
		getent passwd "$one" >/dev/null || {
			useradd --system --gid "$one" --home-dir /nonexistent --no-create-home --shell "$shell" "$one"
			note made "user $one, with a group of its own"
		}
	done
}

# directory MODE OWNER GROUP PATH: makes it, or mends its mode and owner.
directory() {
	local path=$prefix$4
	[ -d "$path" ] || note made "$4"
	if [ -n "$prefix" ]; then
		install -d -m "$1" "$path"
	else
		install -d -m "$1" -o "$2" -g "$3" "$path"
	fi
}

# put MODE OWNER GROUP SOURCE PATH: the file appears whole, under its name, in one step. A running binary stays what it is
# for the processes that run it.
put() {
	local path=$prefix$5 new
	new=$(dirname "$path")/.$(basename "$path").new.$$
	rm -f "$new"
	if [ -n "$prefix" ]; then
		install -m "$1" "$4" "$new"
	else
		install -m "$1" -o "$2" -g "$3" "$4" "$new"
	fi
	sync "$new" 2>/dev/null || true
	mv -f "$new" "$path"
}

# place WORD MODE OWNER GROUP SOURCE PATH: like put, if something would change, and says which.
place() {
	local path=$prefix$6
	if [ -f "$path" ] && cmp -s "$5" "$path"; then
		note unchanged "$6"
		return 0
	fi
	if [ -e "$path" ]; then note replaced "$6"; else note installed "$6"; fi
	put "$2" "$3" "$4" "$5" "$6"
}

install_binary() {
	mkdir -p "$prefix/usr/local/bin"
	place binary 0755 root root "$binary" /usr/local/bin/sallyport
}

# install_config never replaces a configuration; the newer sample goes beside it.
install_config() {
	local path=/etc/sallyport/sallyport.hcl sample=$here/configs/sallyport.hcl
	directory 0750 root "$group" /etc/sallyport
	# systemd hands root's files to the agent; without it the agent reads them itself.
	if [ "$systemd" = yes ]; then
		directory 0700 root root /etc/sallyport/credentials
	else
		directory 0700 "$user" "$group" /etc/sallyport/credentials
	fi
	if [ ! -e "$prefix$path" ]; then
		place config 0640 root "$group" "$sample" "$path"
	elif cmp -s "$sample" "$prefix$path"; then
		note unchanged "$path"
	else
		note kept "$path, which is yours; the sample of this version is $path.new"
		put 0640 root "$group" "$sample" "$path.new"
	fi
}

# make_locks makes a file for each of terraform's users that whoever is at work as that user locks, so that two agents of this
# machine never are at the same time. A file that is there stays: it may be locked.
make_locks() {
	local locks=/etc/sallyport/users n number
	directory 0700 root root "$locks"
	[ -z "$prefix" ] || return 0
	for n in $(seq "$terraform_users"); do
		number=$(id -u "$terraform_user$n")
		[ -e "$locks/$number" ] || install -m 0600 -o root -g root /dev/null "$locks/$number"
	done
}

# install_unit installs the unit and, once, the drop-in that names the credentials.
install_unit() {
	[ "$systemd" = yes ] || return 0
	local unit=/etc/systemd/system/sallyport.service
	local dropin=$unit.d/credentials.conf
	mkdir -p "$prefix$(dirname "$unit")"
	if [ -e "$prefix$unit" ] && ! cmp -s "$here/configs/sallyport.service" "$prefix$unit"; then
		cp -p "$prefix$unit" "$prefix$unit.old"
		note kept "$unit.old, the unit that was there"
	fi
	place unit 0644 root root "$here/configs/sallyport.service" "$unit"
	if [ ! -e "$prefix$dropin" ]; then
		[ -n "$scratch" ] || scratch=$(mktemp -d)
		cat >"$scratch/dropin" <<'TEXT'
# The secrets that the configuration reads with credential("NAME"), one line each. The files belong to root, chmod 0600. A
# file that is named here and missing keeps the agent from starting. Yours to edit; then: systemctl daemon-reload
[Service]
LoadCredential=slack-bot-token:/etc/sallyport/credentials/slack-bot-token
#LoadCredential=git-token:/etc/sallyport/credentials/git-token
#LoadCredential=github-token:/etc/sallyport/credentials/github-token
TEXT
		directory 0755 root root "$unit.d"
		place dropin 0644 root root "$scratch/dropin" "$dropin"
	fi
	if live; then systemctl daemon-reload; fi
}

# check_tools tells what the agent will miss. It finds out itself as well; here it is cheaper.
check_tools() {
	local version=''
	if command -v terraform >/dev/null; then
		version=$(CHECKPOINT_DISABLE=1 terraform version 2>/dev/null | sed -n 's/^Terraform v\([0-9][0-9.]*\).*/\1/p' | head -n 1) || true
	fi
	case $version in
	'') warn 'terraform is not in PATH: install it, or pin one in the configuration (terraform { version = "..." })' ;;
	0.*) warn "terraform $version is too old: Sallyport needs 1.0 or newer" ;;
	*) note found "terraform $version ($(command -v terraform))" ;;
	esac
	if command -v git >/dev/null; then
		note found "git ($(command -v git))"
	else
		warn 'git is not in PATH: Sallyport itself does without, but terraform needs it for modules from git'
	fi
}

# running_agent deals with an agent that runs already.
running_agent() {
	live && systemctl is-active --quiet sallyport || return 1
	if [ "$restart" = yes ]; then
		systemctl restart sallyport
		say 'the agent was restarted; an apply that was running is left alone and will be reported by the new agent'
	else
		say 'the agent that runs is still the old one; to change over: sudo systemctl restart sallyport'
		say 'an apply that is running is left alone by a restart'
	fi
}

next_steps() {
	local start='sudo systemctl enable --now sallyport' credentials=$prefix/etc/sallyport/credentials
	local owner='' when='now and at every boot'
	if [ "$systemd" = no ]; then
		owner=" -o $user" when='and let your init system do the same at every boot'
		local caps=+setuid,+setgid,+chown,+dac_override,+kill # for terraform { user }; see the unit
		start="sudo install -d -m 0750 -o $user -g $group /run/sallyport
       sudo setpriv --reuid=$user --regid=$group --init-groups --inh-caps=$caps --ambient-caps=$caps \\
         env CREDENTIALS_DIRECTORY=$credentials sallyport agent"
	fi
	cat <<TEXT

next:
  1. edit $prefix/etc/sallyport/sallyport.hcl, and put the secrets that it names in place:
       sudo install -m 0600$owner /dev/stdin $credentials/slack-bot-token
       sudo install -m 0600 -o $user deploy_key $prefix/etc/sallyport/deploy_key
  2. see whether everything is right and reachable:
       sudo sallyport check --credentials $credentials
       sudo env CREDENTIALS_DIRECTORY=$credentials sallyport doctor
  3. start it, $when:
       $start
people who may use the command line join its group: sudo usermod -aG $group NAME
TEXT
}

main() {
	parse "$@"
	get_binary
	say "installing sallyport${prefix:+ into $prefix}"
	make_users
	install_binary
	install_config
	directory 0711 "$user" "$group" /var/lib/sallyport # terraform's users go through; everything in it says who may what
	make_locks
	install_unit
	check_tools
	running_agent || next_steps
}

main "$@"
