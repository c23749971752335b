#!/usr/bin/env bash
# Installs, upgrades or removes Sallyport on this machine. It can be run again at any time: it only adds what is missing, replaces
# the binary, its man pages, the completion of shells and the systemd unit, and never touches a configuration. It does not start anything by itself. The steps
# that it prints can be pasted as they are.
set -euo pipefail
umask 022

usage() {
	cat <<'TEXT'
usage: sudo ./install.sh [--binary FILE] [--restart]
       sudo ./install.sh --uninstall [--purge]
       ./install.sh --prefix DIR [--binary FILE] [--no-systemd]

  --binary FILE   install this binary instead of the one beside install.sh, or of building one with the Go toolchain
  --restart       restart the agent if it is running; an apply that is running is left alone
  --systemd       install the systemd unit, though no systemd runs here
  --no-systemd    do not install the systemd unit, though one does
  --packaged      leave out binary, man pages, completion and unit: those of a package are there
  --uninstall     stop the agent and remove the program; configuration, secrets, data and users stay
  --purge         with --uninstall: remove those, too, with the states that the agent keeps
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

prefix='' binary='' systemd=auto restart=no packaged=no action=install purge=no upgrade='' sudo=''
program=/usr/local/bin/sallyport
share=/usr/local/share
name=sallyport
user=$name group=$name
unit=/etc/systemd/system/sallyport.service
dropin=$unit.d/credentials.conf
terraform_user=$name-tf # terraform { user } of the configuration: NAME1 to NAME8, one for each run at work
terraform_users=8
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=''
cleanup() { [ -z "$scratch" ] || rm -rf "$scratch"; }
need_scratch() { [ -n "$scratch" ] || scratch=$(mktemp -d); }
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
		--systemd) systemd=yes ;;
		--no-systemd) systemd=no ;;
		--restart) restart=yes ;;
		--packaged) packaged=yes program=/usr/bin/sallyport ;;
		--uninstall) action=uninstall ;;
		--purge) purge=yes ;;
		-h | --help)
			usage
			exit 0
			;;
		*) die "unknown argument $1" 'see ./install.sh --help' 2 ;;
		esac
		shift
	done
	if [ "$purge" = yes ] && [ "$action" != uninstall ]; then
		die '--purge goes with --uninstall' '' 2
	fi
	if [ -n "$prefix" ]; then
		mkdir -p "$prefix"
		prefix=$(cd "$prefix" && pwd)
		[ "$prefix" != / ] || prefix=''
	fi
	if [ -z "$prefix" ] && [ "$(id -u)" -ne 0 ]; then
		die 'installing into the system takes root, and removing from it too' 'use sudo, or --prefix DIR to look at the result first'
	fi
	if [ "$restart" = yes ] && { [ -n "$prefix" ] || [ "$systemd" = no ]; }; then
		die '--restart restarts the systemd unit; it does not go with --prefix or --no-systemd' '' 2
	fi
	if [ "$systemd" = auto ]; then
		systemd=yes
		[ -n "$prefix" ] || [ -d /run/systemd/system ] || systemd=none
	fi
	[ -n "$prefix" ] || ! command -v sudo >/dev/null || sudo='sudo '
}

# live reports whether systemd runs this very system.
live() { [ -z "$prefix" ] && [ "$systemd" = yes ] && [ -d /run/systemd/system ]; }

# get_binary sets $binary to a file that works on this machine.
get_binary() {
	if [ -n "$binary" ]; then
		[ -f "$binary" ] || die "there is no file $binary"
	elif [ -f "$here/$name" ] && [ ! -d "$here/agent" ]; then
		binary=$here/$name # of a release; in a checkout it may be of any commit
	else
		command -v go >/dev/null ||
			die 'there is no Go toolchain to build with' \
				'take the archive of a release, which has a binary; or build one as yourself, go build -trimpath ./agent/cmd/sallyport, then use --binary sallyport'
		say 'building sallyport'
		need_scratch
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

# version_of says which version a binary is of, on one line.
version_of() { "$1" version 2>/dev/null | head -n 1 || true; }

install_binary() {
	[ "$packaged" = no ] || return 0
	mkdir -p "$prefix/usr/local/bin"
	if [ -f "$prefix$program" ] && ! cmp -s "$binary" "$prefix$program"; then
		upgrade="from $(version_of "$prefix$program") to $(version_of "$binary")"
	fi
	place binary 0755 root root "$binary" "$program"
	install_pages
	install_completion
}

# install_pages has the binary write its man pages. Those of verbs that there are no more go.
install_pages() {
	local to=$share/man file said=unchanged
	need_scratch
	"$binary" man "$scratch/man" >/dev/null 2>&1 || true # a binary of before has none
	[ -f "$scratch/man/man1/$name.1" ] || return 0
	for file in "$scratch"/man/man*/*; do
		file=${file#"$scratch/man/"}
		cmp -s "$scratch/man/$file" "$prefix$to/$file" && continue
		if [ -e "$prefix$to/$file" ]; then said=replaced; elif [ $said = unchanged ]; then said=installed; fi
		mkdir -p "$prefix$to/$(dirname "$file")"
		put 0644 root root "$scratch/man/$file" "$to/$file"
	done
	for file in "$prefix$to/man1/$name"-*.1; do
		if [ -f "$file" ] && [ ! -f "$scratch/man/man1/$(basename "$file")" ]; then
			rm -f "$file"
			said=replaced
		fi
	done
	note $said "the man pages in $to"
}

# install_completion puts what bash, zsh and fish need to complete a command where each of them looks for it by itself.
install_completion() {
	local shell first
	need_scratch
	for shell in bash zsh fish; do
		"$binary" completion $shell >"$scratch/completion" 2>/dev/null || true
		first=''
		read -r first <"$scratch/completion" || true
		case $first in '# bash completion '* | '#compdef '* | '# fish completion '*) ;; *) continue ;; esac
		mkdir -p "$prefix$(dirname "$(completion_of $shell)")"
		place completion 0644 root root "$scratch/completion" "$(completion_of $shell)"
	done
}

# completion_of says where a shell looks.
completion_of() {
	case $1 in
	bash) echo $share/bash-completion/completions/$name ;;
	zsh) echo $share/zsh/site-functions/_$name ;;
	fish) echo $share/fish/vendor_completions.d/$name.fish ;;
	esac
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
		[ "$packaged" = no ] || upgrade="to $(version_of "$program")"
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
	mkdir -p "$prefix$(dirname "$unit")"
	if [ "$packaged" = no ]; then
		if [ -e "$prefix$unit" ] && ! cmp -s "$here/configs/sallyport.service" "$prefix$unit"; then
			cp -p "$prefix$unit" "$prefix$unit.old"
			note kept "$unit.old, the unit that was there"
		fi
		place unit 0644 root root "$here/configs/sallyport.service" "$unit"
	fi
	if [ ! -e "$prefix$dropin" ]; then
		need_scratch
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

# checked says what the version that is installed now makes of the configuration that was there.
checked() {
	[ -z "$prefix" ] && [ -n "$upgrade" ] && [ -x "$program" ] || return 0
	need_scratch
	if "$program" check --credentials /etc/sallyport/credentials >"$scratch/check" 2>&1; then
		note checked 'the configuration, which is good for this version'
		return 0
	fi
	cat "$scratch/check" >&2
	warn 'with this configuration an agent of this version does not start'
	[ "$restart" = no ] || die 'the agent is not restarted: the old one still runs' 'mend the configuration, then: systemctl restart sallyport'
}

# running_agent restarts an agent that runs, if that was asked for.
running_agent() {
	[ "$restart" = yes ] || return 1
	if ! live; then
		warn 'nothing was restarted: systemd does not run here. An agent that runs is the one of before until you stop it and start it again'
		return 1
	fi
	if ! systemctl is-active --quiet sallyport; then
		warn 'nothing was restarted: no agent runs'
		return 1
	fi
	systemctl restart sallyport
	say 'the agent was restarted; an apply that was running is left alone and will be reported by the new agent'
}

# quoted is a path that can be pasted.
quoted() { printf '%q' "$1"; }

# start_steps print how the agent is started.
start_steps() {
	local credentials caps=+setuid,+setgid,+chown,+dac_override,+kill # for terraform { user }; see the unit
	credentials=$(quoted "$prefix/etc/sallyport/credentials")
	if [ -n "$prefix" ]; then
		say "       CREDENTIALS_DIRECTORY=$credentials $(quoted "$prefix$program") agent --config $(quoted "$prefix/etc/sallyport/sallyport.hcl")"
	elif [ "$systemd" = yes ]; then
		say "       ${sudo}systemctl enable --now sallyport"
	else
		say "       ${sudo}install -d -m 0750 -o $user -g $group /run/sallyport"
		say "       ${sudo}setpriv --reuid=$user --regid=$group --init-groups --inh-caps=$caps --ambient-caps=$caps \\"
		say "         env CREDENTIALS_DIRECTORY=$credentials $program agent"
	fi
}

next_steps() {
	local etc program_here owner='' key_owner='' config='' when='now and at every boot' no_token='' n=1
	etc=$(quoted "$prefix/etc/sallyport") program_here=$(quoted "$prefix$program")
	say ''
	if [ -n "$prefix" ]; then
		config=" --config $etc/sallyport.hcl" when='in the foreground, until Ctrl-C'
		say "next, to try it from $prefix, as yourself and without root:"
		say "  $n. let its paths begin there, and terraform run as you:"
		say "       sed -i -e 's#\"/\\(etc\\|var/lib\\|run\\)/sallyport#\"$prefix/\\1/sallyport#g' -e 's/^  user = /  # user = /' $etc/sallyport.hcl"
		n=$((n + 1))
	else
		say 'next:'
		key_owner=" && ${sudo}chown $user $etc/deploy_key"
		if [ "$systemd" != yes ]; then
			owner=" -o $user" when='in the foreground; let your init system do the same at every boot'
		fi
	fi
	[ "$systemd" != yes ] || no_token=" and the line LoadCredential=slack-bot-token from $(quoted "$prefix$dropin"), whose file has to be there"
	cat <<TEXT
  $n. a key that may read the repository and no more, and the key of its server:
       ${sudo}ssh-keygen -q -t ed25519 -N '' -C sallyport -f $etc/deploy_key$key_owner
       ${sudo}cat $etc/deploy_key.pub # add it to the repository as a deploy key without write access
       ssh-keyscan git.example.internal | ${sudo}install -m 0644 /dev/stdin $etc/known_hosts # the host in the repository's url
       ${sudo}ssh-keygen -lf $etc/known_hosts # compare with what the server's people say
  $((n + 1)). the token of the Slack bot (without Slack: remove the slack block from $etc/sallyport.hcl$no_token, and go on): paste it, press Enter, then Ctrl-D
       ${sudo}install -m 0600$owner /dev/stdin $etc/credentials/slack-bot-token
  $((n + 2)). edit what says EDIT, and the paths of what you put elsewhere:
       ${sudo}"\${EDITOR:-vi}" $etc/sallyport.hcl
  $((n + 3)). see whether everything is right, and whether everything is reachable:
       ${sudo}$program_here check$config --credentials $etc/credentials
       ${sudo}$program_here doctor$config --credentials $etc/credentials
  $((n + 4)). start it, $when:
TEXT
	start_steps
	if [ "$systemd" != yes ] || [ -n "$prefix" ]; then
		say "  $((n + 5)). see what it says of itself, in another shell:"
		say "       $sudo$program_here status$config"
	fi
	if [ -n "$prefix" ]; then
		say "where $prefix is the root of a machine or an image, run install.sh there, which makes the users, and follow what it says then;"
		[ "$systemd" = no ] || say 'the last step is: systemctl enable --now sallyport'
	else
		say "people who may use the command line join its group: ${sudo}usermod -aG $group NAME"
	fi
}

# upgrade_steps are for who had an agent here before.
upgrade_steps() {
	local etc program_here config=''
	etc=$(quoted "$prefix/etc/sallyport") program_here=$(quoted "$prefix$program")
	[ -z "$prefix" ] || config=" --config $etc/sallyport.hcl"
	say ''
	local changes=$here/configs/CHANGES.md
	[ "$packaged" = no ] || changes=/usr/share/doc/sallyport/CHANGES.md
	say "this was an upgrade $upgrade; what changed: $changes"
	say 'next, the agent that runs being still the old one:'
	say '  1. a backup, as long as it runs:'
	say "       $sudo$program_here backup$config $(quoted "$prefix/var/lib/sallyport.backup")"
	say '  2. what this version makes of the configuration, and what is new in the sample:'
	say "       $sudo$program_here check$config --credentials $etc/credentials"
	if [ -e "$prefix/etc/sallyport/sallyport.hcl.new" ]; then
		say "       ${sudo}diff -u $etc/sallyport.hcl $etc/sallyport.hcl.new"
	fi
	say '  3. change over; an apply that is running goes on by itself, and the new agent reports it:'
	if [ -z "$prefix" ] && [ "$systemd" = yes ]; then
		say "       ${sudo}systemctl restart sallyport"
	else
		say "       # end the old agent (SIGTERM), then"
		start_steps
	fi
	say '  4. see what it says of itself:'
	say "       $sudo$program_here status$config"
}

# uninstall removes the program. What cannot be had again by installing it stays: the configuration with its secrets, and the data.
uninstall() {
	local answer='' path
	if [ "$purge" = yes ] && [ -t 0 ]; then
		printf 'This removes history, secrets and the states that the agent keeps, for good. Type purge: '
		read -r answer || true
		[ "$answer" = purge ] || die 'nothing was removed'
	fi
	if [ -x "$prefix$program" ]; then
		need_scratch
		"$prefix$program" status --json --config "$prefix/etc/sallyport/sallyport.hcl" >"$scratch/status" 2>/dev/null || true
		while read -r path; do
			case $path in *'"status": "applying"'*) die 'an apply is at work, which needs the program' 'wait for its end; if no agent runs, start it: it says how the apply ended' ;; esac
		done <"$scratch/status"
	fi
	if live; then systemctl disable --now sallyport 2>/dev/null || true; fi
	for path in "$program" "$share/man/man5/$name.hcl.5" "$unit" "$unit.old" "$(completion_of bash)" "$(completion_of zsh)" "$(completion_of fish)"; do
		[ -e "$prefix$path" ] || continue
		rm -f "$prefix$path"
		note removed "$path"
	done
	if [ -e "$prefix$share/man/man1/$name.1" ]; then
		rm -f "$prefix$share/man/man1/$name.1" "$prefix$share/man/man1/$name"-*.1
		note removed "$share/man/man1/$name.1 and those of its verbs"
	fi
	if live; then systemctl daemon-reload; fi
	if [ "$purge" = no ]; then
		for path in /etc/sallyport "$unit.d" /var/lib/sallyport; do
			[ ! -e "$prefix$path" ] || note kept "$path"
		done
		[ -n "$prefix" ] || note kept "the users $user and ${terraform_user}1 to $terraform_user$terraform_users, who own that"
		say 'installing it again goes on where this ended; install.sh --uninstall --purge removes the rest'
		return 0
	fi
	for path in /etc/sallyport "$unit.d" /var/lib/sallyport /run/sallyport; do
		[ -e "$prefix$path" ] || continue
		rm -rf "$prefix$path"
		note removed "$path"
	done
	remove_users
	remove_tree
}

# remove_tree takes away the directories that were made to install into DIR, where nothing else is in them.
remove_tree() {
	[ -n "$prefix" ] || return 0
	local path
	for path in $share/man/man{1,5} $share/man $share/bash-completion{/completions,} $share/zsh{/site-functions,} $share/fish{/vendor_completions.d,} \
		$share /usr/local/bin /usr/local /usr /etc/systemd{/system,} /etc /var/lib /var ''; do
		rmdir "$prefix$path" 2>/dev/null || true
	done
}

# remove_users takes away what make_users made.
remove_users() {
	[ -z "$prefix" ] || return 0
	local one all=("$user" "$terraform_user")
	for one in $(seq "$terraform_users"); do all+=("$terraform_user$one"); done
	for one in "${all[@]}"; do
		if getent passwd "$one" >/dev/null && userdel "$one"; then note removed "user $one"; fi
		if getent group "$one" >/dev/null; then groupdel "$one"; fi # often gone with its user
	done
}

main() {
	parse "$@"
	if [ "$action" = uninstall ]; then
		uninstall
		return 0
	fi
	if [ "$packaged" = no ]; then
		get_binary
	elif [ -e "$unit" ]; then
		warn "$unit hides the unit of the package: remove what install.sh installed, with install.sh --uninstall of that version"
	fi
	say "installing sallyport${prefix:+ into $prefix}"
	[ "$systemd" != none ] || note found 'no systemd at work: as with --no-systemd'
	make_users
	install_binary
	install_config
	directory 0711 "$user" "$group" /var/lib/sallyport # terraform's users go through; everything in it says who may what
	make_locks
	install_unit
	check_tools
	checked
	if running_agent; then
		return 0
	elif [ -n "$upgrade" ]; then
		upgrade_steps
	else
		next_steps
	fi
}

main "$@"
