package configs_test

import (
	"regexp"
	"strings"
	"testing"
)

// written is what a stand-in for the binary does when it is asked for its man pages and its completion.
func written(verb string) string {
	return `case $1 in
man) mkdir -p "$2/man1" "$2/man5"; for page in 1/sallyport.1 1/sallyport-` + verb + `.1 5/sallyport.hcl.5; do echo ".TH $page" >"$2/man$page"; done ;;
completion) case $2 in zsh) echo "#compdef sallyport" ;; *) echo "# $2 completion for sallyport" ;; esac ;;
esac`
}

// shared are the files that come of it.
func shared(verb string) []string {
	var paths []string
	for _, name := range []string{
		"man/man1/sallyport.1", "man/man1/sallyport-" + verb + ".1", "man/man5/sallyport.hcl.5",
		"bash-completion/completions/sallyport", "zsh/site-functions/_sallyport", "fish/vendor_completions.d/sallyport.fish",
	} {
		paths = append(paths, "/usr/local/share/"+name)
	}
	return paths
}

// Man pages and completion are where man and the shells look, and those of a verb that the next version has no more are gone.
func TestInstallPages(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	for i, verb := range []string{"plan", "plan", "propose"} {
		said := []string{"installed", "unchanged", "replaced"}[i]
		out, code := h.install("--prefix", h.root, "--no-systemd", "--binary", h.tool("built", written(verb)))
		if code != 0 || !regexp.MustCompile(said+` +the man pages in /usr/local/share/man\n`).MatchString(out) {
			t.Errorf("exit %d, and not %s:\n%s", code, said, out)
		}
		files := h.files()
		for _, path := range shared(verb) {
			if files[path] != "file 0644" {
				t.Errorf("%s is %q", path, files[path])
			}
			delete(files, path)
		}
		for path, what := range files {
			if strings.HasPrefix(path, "/usr/local/share/") && strings.HasPrefix(what, "file") {
				t.Errorf("%s is there: %s", path, what)
			}
		}
	}
}
