package agent_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/store"
)

// asked asks at a unix socket, as ssh does for a browser.
func asked(t *testing.T, socket, host, method, path string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	t.Cleanup(cancel)
	q, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}).RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// showsPage expects the parts in a page.
func showsPage(t *testing.T, socket, path string, parts ...string) {
	t.Helper()
	answer := asked(t, socket, "localhost:9747", "GET", path)
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, answer.Status, err)
	}
	for _, part := range parts {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s does not say %q:\n%s", path, part, text)
		}
	}
	if strings.Contains(string(text), "s3cret-token") {
		t.Errorf("%s says the secret", path)
	}
}

// Pages are shown at a socket of their own, which is as open as that of the command line, and comes and goes with the configuration. The
// log of an apply is followed to its end, without the secret that it says.
func TestPagesAtASocketOfTheirOwn(t *testing.T) {
	t.Parallel()
	gate, token := t.TempDir(), filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s3cret-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRepository(t)
	r.commit("Add <b>it</b>", map[string]string{"box/main.tf": fmt.Sprintf("resource \"terraform_data\" \"slow\" {\n  provisioner \"local-exec\" {\n"+
		"    command = \"echo first $TOKEN; touch %[1]s/started; until [ -e %[1]s/go ]; do sleep 0.05; done; echo last\"\n  }\n}\n", gate)})
	body := box(r, fmt.Sprintf("apply_env = { TOKEN = file(%q) }", token))
	h := newHouse(t, body).start()
	h.Reaches("1", store.Planned)
	socket := h.Path("web.sock")
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("pages that nobody asked for: %v", err)
	}
	h.showPages(body, socket)
	h.waitFor(socket)
	pages, err := os.Lstat(socket)
	if err != nil {
		t.Fatal(err)
	}
	commands, err := os.Lstat(h.Path("s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if pages.Mode() != commands.Mode() || pages.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("the modes are %v and %v", pages.Mode(), commands.Mode())
	}
	showsPage(t, socket, "/", "#1 box", "sallyport approve 1", "Add &lt;b&gt;it&lt;/b&gt;")
	showsPage(t, socket, "/runs/1", "terraform_data.slow", `data-stream="/runs/1/log?status=planned"`)
	showsPage(t, socket, "/graph", "box")
	for _, no := range []struct {
		host, method string
		want         int
	}{{"evil.example:9747", "GET", http.StatusMisdirectedRequest}, {"localhost:9747", "POST", http.StatusMethodNotAllowed}} {
		if answer := asked(t, socket, no.host, no.method, "/"); answer.StatusCode != no.want {
			t.Errorf("%s at %s: %s", no.method, no.host, answer.Status)
		}
	}

	h.MustDecide("1", "approve")
	h.waitFor(filepath.Join(gate, "started"))
	stream := asked(t, socket, "localhost:9747", "GET", "/runs/1/log")
	var said strings.Builder
	lines := bufio.NewScanner(stream.Body)
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "first (redacted)") { // while it applies
			if err := os.WriteFile(filepath.Join(gate, "go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("the stream was cut: %v\n%s", err, said.String())
	}
	log, end, ended := strings.Cut(said.String(), "event: end\n")
	if !ended || !strings.Contains(end, `"status":"applied"`) || !strings.Contains(log, "(local-exec): last") || strings.Contains(log, "s3cret-token") {
		t.Errorf("it ended so:\n%s", said.String())
	}
	h.Reaches("1", store.Applied)
	showsPage(t, socket, "/runs/1", "applied", "first (redacted)")

	h.showPages(body, h.Path("moved.sock"))
	h.waitFor(h.Path("moved.sock"))
	h.waitGone(socket)
	h.showPages(body, h.Path("s.sock", "below-no-directory.sock")) // what is wrong with pages is told, and stops nothing else
	h.Eventually("the pages cannot be shown", func(s control.Status) bool {
		return slices.ContainsFunc(s.Problems, func(p control.Problem) bool { return p.Source == "web" })
	})
	h.waitGone(h.Path("moved.sock"))
	h.showPages(body, socket)
	h.waitFor(socket)
	h.Eventually("nothing is wrong", func(s control.Status) bool { return len(s.Problems) == 0 && s.Agent.Web == socket })
	h.Configure(body)
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.waitGone(socket)
}

// showPages has the pages shown at a socket from now on.
func (h *house) showPages(body, socket string) {
	h.t.Helper()
	h.Configure(body + fmt.Sprintf("web {\n  socket = %q\n}\n", socket))
	if err := h.agent.Reload(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// waitGone waits until a file is not there any more.
func (h *house) waitGone(file string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience.Limit())
	defer cancel()
	for {
		if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if ctx.Err() != nil {
			h.t.Fatal("always there: ", file)
		}
		h.Tick(ctx)
	}
}
