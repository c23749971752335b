package doctor

import "testing"

// What the doctor says can be pasted on a machine without the agent's own user, too.
func TestWhoseDirectory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ got, want string }{
		"installed: make it": {installDir("/var/lib/sallyport", "sallyport"), "install -d -m 0711 -o sallyport -g sallyport /var/lib/sallyport"},
		"a trial: make it":   {installDir("/home/me/try it", ""), "install -d -m 0711 '/home/me/try it'"},
		"installed: give it": {giveDir("/data", "sallyport"), "chown -R sallyport:sallyport /data"},
		"a trial: give it":   {giveDir("/data", ""), "chown -R USER /data"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
}
