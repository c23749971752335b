package doctor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/config/figures"
	"sallyport/notify/redact"
)

// Whether figures are handed out, and whether anybody hears that the agent works, is tried without an agent and without a word.
func TestFigures(t *testing.T) {
	t.Parallel()
	const secret = "1b2c3d4e-canary"
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" && (r.URL.Path != "/" || r.Method != http.MethodHead) {
			t.Errorf("it is asked %s %s", r.Method, r.URL)
		}
	}))
	t.Cleanup(up.Close)
	sick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(sick.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	dir := t.TempDir()
	file := func(name string, age time.Duration) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Now(), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	address := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
	for name, tc := range map[string]struct {
		listen, textfile, ping string
		user                   int
		level                  Level
		text                   string
	}{
		"served":                   {listen: address(up), level: OK, text: " answers"},
		"not served":               {listen: address(gone), level: Warn, text: "nobody answers at "},
		"by one that hangs":        {listen: address(sick), level: Fail, text: "answers 503 Service Unavailable to /healthz"},
		"at any port":              {listen: "127.0.0.1:0", level: OK, text: "any port"},
		"written":                  {textfile: file("new.prom", 0), level: OK, text: "is up to date"},
		"not written for long":     {textfile: file("old.prom", time.Hour), user: 1000, level: Warn, text: "was written 1"},
		"not written yet":          {textfile: filepath.Join(dir, "none.prom"), user: 1000, level: OK, text: "ReadWritePaths=" + dir},
		"without a directory":      {textfile: filepath.Join(dir, "none", "a.prom"), user: 1000, level: Fail, text: "its directory is not there"},
		"in a file":                {textfile: filepath.Join(file("file", 0), "a.prom"), user: 1000, level: Fail, text: "is no directory"},
		"who is told is reached":   {ping: up.URL + "/" + secret, level: OK, text: "answers; the agent asks for the address itself"},
		"who is told cannot be":    {ping: gone.URL + "/" + secret, level: Fail, text: "connection refused"},
		"root tells nothing of it": {textfile: filepath.Join("/etc", "a.prom"), level: Warn, text: "belongs to root"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &doctor{
				o:        Options{Timeout: 30 * time.Second, euid: func() int { return tc.user }, owner: func() string { return "sallyport" }},
				cfg:      &config.Config{Metrics: &figures.Metrics{Listen: tc.listen, Textfile: tc.textfile}, PingURL: redact.NewSecret(tc.ping)},
				redactor: redact.New(redact.NewSecret(secret)),
			}
			try := d.checkFigures
			if tc.ping != "" {
				try = d.checkPing
			}
			checks := try(t.Context())[0].checks
			if len(checks) != 1 || checks[0].Level != tc.level || !strings.Contains(checks[0].Text, tc.text) || (checks[0].Hint == "") != (tc.level == OK) {
				t.Fatalf("%+v", *checks[0])
			}
			if strings.Contains(fmt.Sprint(*checks[0]), secret) {
				t.Errorf("it shows %+v", *checks[0])
			}
		})
	}
}
