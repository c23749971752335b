# Installs sallyport, does what install.sh says then, upgrades it, does what install.sh says then, and removes it.
# MODE is prefix, no-systemd or systemd; see steps_test.go for the other variables.
set -uo pipefail
export PATH=$DIR/stubs:$PATH CHECKPOINT_DISABLE=1
umask 022
agent=''
fail() {
	echo "FAILED: $*"
	[ -z "$agent" ] || { kill "$agent" 2>/dev/null; cat "$DIR/agent.log"; }
	exit 1
}

# A machine of its own: /etc, /var/lib, /run and /usr/local are copies or empty, and so are processes. Users are made in the copy, with numbers that
# nobody on the real machine has: an agent ends what its users leave running.
if [ "$MODE" != prefix ]; then
	mkdir -p "$DIR/etc" "$DIR/local" "$DIR/orig"
	cp -a /etc/. "$DIR/etc/"
	sed -i '/^SYS_[UG]ID_M/d' "$DIR/etc/login.defs"
	printf 'SYS_%s\n' "UID_MIN $FIRST_ID" "UID_MAX $((FIRST_ID + 19))" "GID_MIN $FIRST_ID" "GID_MAX $((FIRST_ID + 19))" >>"$DIR/etc/login.defs"
	sed -i '/^sallyport/d' "$DIR"/etc/passwd "$DIR"/etc/group "$DIR"/etc/shadow "$DIR"/etc/gshadow
	mount --bind "$DIR/etc" /etc || fail 'no /etc of its own'
	mount --bind /usr/local "$DIR/orig"
	mkdir "$DIR/local/bin"
	for tool in "$DIR"/orig/bin/*; do ln -s "$tool" "$DIR/local/bin/"; done
	ln -s "$DIR"/orig/go "$DIR/local/" 2>/dev/null
	mount --bind "$DIR/local" /usr/local
	mount -t tmpfs -o mode=755 none /var/lib
	mount -t tmpfs -o mode=755 none /run
	root='' config=/etc/sallyport/sallyport.hcl arguments=()
	[ "$MODE" = no-systemd ] || arguments=(--systemd)
else
	root=$DIR/r config=$DIR/r/etc/sallyport/sallyport.hcl arguments=(--prefix "$DIR/r")
fi
program=$root/usr/local/bin/sallyport

# start runs what does not come back; status says when it is there.
start() {
	bash -c "$1" >"$DIR/agent.log" 2>&1 &
	agent=$!
	wait_for '"running": true' || fail 'no agent answers'
}

wait_for() {
	local end=$((SECONDS + LIMIT))
	until [ -S "$root/run/sallyport/sallyport.sock" ] && "$program" status --json --config "$config" 2>/dev/null | grep -q "$1"; do
		kill -0 "$agent" 2>/dev/null || fail 'the agent ended'
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

stop() {
	kill "$agent" 2>/dev/null
	wait "$agent"
	agent=''
}

# steps does what is indented by seven blanks, as it stands.
steps() {
	local line more
	while IFS= read -r line <&3; do
		case $line in "       "*) ;; *) continue ;; esac
		line=${line#"       "}
		while [ "${line%\\}" != "$line" ] && IFS= read -r more <&3; do line=$line$'\n'$more; done
		echo "+ $line"
		case $line in
		'# end the old agent'*) stop ;;
		*/stdin*slack-bot-token) echo "$TOKEN" | bash -c "$line" || fail "exit $?" ;;
		*'cat '*deploy_key.pub*) bash -c "$line" | tee -a "$AUTHORIZED" || fail "exit $?" ;;
		*' agent' | *' agent --config '*) start "$line" ;;
		*'diff -u'*) bash -c "$line" >/dev/null || [ $? = 1 ] || fail 'no diff' ;;
		*) bash -c "$line" </dev/null || fail "exit $?" ;;
		esac
	done 3<"$1"
}

cd "$DIR" || exit 1
"$SOURCE/install.sh" "${arguments[@]}" | tee "$DIR/said" || fail "install.sh: exit $?"
steps "$DIR/said"
if [ "$MODE" = systemd ]; then
	grep -qx 'enable --now sallyport' "$DIR/systemctl" || fail 'systemctl was not called'
	install -d -m 0750 -o sallyport -g sallyport /run/sallyport
	# What the unit's LoadCredential= does: the files are the agent's alone.
	install -d -m 0500 -o sallyport /run/credentials
	install -m 0400 -o sallyport /etc/sallyport/credentials/slack-bot-token /run/credentials/
	caps=$(sed -n 's/^AmbientCapabilities=//p' /etc/systemd/system/sallyport.service | tr '[:upper:]' '[:lower:]' | sed -e 's/cap_/+/g' -e 's/ /,/g')
	start "setpriv --reuid=sallyport --regid=sallyport --init-groups --inh-caps=$caps --ambient-caps=$caps env CREDENTIALS_DIRECTORY=/run/credentials $program agent"
fi
wait_for '"status": "planned"' || fail 'the stack was not planned'

# An upgrade, while the agent runs.
cp "$BINARY" "$DIR/newer" && echo >>"$DIR/newer"
"$SOURCE/install.sh" "${arguments[@]}" --binary "$DIR/newer" | tee "$DIR/said" || fail "install.sh: exit $?"
grep -q 'this was an upgrade' "$DIR/said" || fail 'it was no upgrade'
steps "$DIR/said"
wait_for '"status": "planned"' || fail 'the stack was not planned after the upgrade'
"$program" status --config "$config" || fail "status: exit $?"
stop

"$SOURCE/install.sh" "${arguments[@]}" --uninstall || fail "uninstall: exit $?"
if [ -e "$program" ] || [ ! -e "$config" ] || [ ! -e "$root/var/lib/sallyport/sallyport.db" ]; then fail 'the program is left, or the data is not'; fi
"$SOURCE/install.sh" "${arguments[@]}" --uninstall --purge </dev/null || fail "purge: exit $?"
if [ -e "$root/etc/sallyport" ] || [ -e "$root/var/lib/sallyport" ]; then fail 'something is left'; fi
if [ "$MODE" != prefix ] && getent passwd | grep '^sallyport'; then fail 'users are left'; fi
echo 'everything was followed'
