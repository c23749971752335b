package doctor

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/config/receiver"
	"sallyport/notify/redact"
)

// Whether a receiver is reached is seen without telling it anything; with a test, it is told that it is one. Neither shows its address.
func TestReceivers(t *testing.T) {
	t.Parallel()
	const secret = "canary-secret"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch told := r.URL.Path != "/"; {
		case !told && (r.Method != http.MethodHead || len(r.Header.Get("Authorization")) > 0):
			t.Errorf("who is only looked at gets %s %v", r.Method, r.Header)
		case !told:
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Path == "/refuses/"+secret:
			w.WriteHeader(http.StatusForbidden)
		case r.Header.Get("Authorization") != secret:
			t.Errorf("a test comes with %v", r.Header)
		}
	}))
	t.Cleanup(s.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	file := filepath.Join(t.TempDir(), "told")
	headers := map[string]redact.Secret{"Authorization": redact.NewSecret(secret)}
	post := func(url string) *receiver.Receiver {
		return &receiver.Receiver{Name: "pager", URL: redact.NewSecret(url + "/" + secret), Headers: headers, Timeout: 5 * time.Second}
	}
	command := func(words ...string) *receiver.Receiver {
		return &receiver.Receiver{Name: "pager", Command: words, Timeout: 5 * time.Second}
	}
	for name, tc := range map[string]struct {
		of    *receiver.Receiver
		test  string
		level Level
		text  string
	}{
		"reached":                  {post(s.URL), "", OK, "answers; --notify pager sends it a test event"},
		"not reached":              {post(gone.URL), "", Fail, "connection refused"},
		"its address is not known": {&receiver.Receiver{Name: "pager", Timeout: time.Second}, "", Warn, "it cannot be read here"},
		"another one is tested":    {post(s.URL + "/refuses"), "mail", OK, "answers"},
		"takes a test":             {post(s.URL), "pager", OK, "took a test event"},
		"refuses a test":           {post(s.URL + "/refuses"), "pager", Fail, "answered 403 Forbidden"},
		"a program is there":       {command("/bin/sh", "-c", "exit 1"), "", OK, "/bin/sh is there"},
		"one of PATH is there":     {command("sh", "-c", "exit 1"), "", OK, "/sh is there"},
		"no program is there":      {command("/nowhere/page"), "", Fail, "no such file or directory"},
		"no program":               {command("/etc/passwd"), "", Fail, "/etc/passwd is no program"},
		"a command takes a test":   {command("/bin/sh", "-c", "cat > "+file), "pager", OK, "/bin/sh took a test event"},
		"a command fails a test":   {command("/bin/sh", "-c", "echo no such key "+secret+"; exit 3"), "pager", Fail, "exit status 3: no such key (redacted)"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &doctor{
				o: Options{Timeout: 5 * time.Second, Notify: tc.test, Version: "1"}, cfg: &config.Config{DataDir: "/nowhere"},
				redactor: redact.New(redact.NewSecret(secret)),
			}
			checks := d.checkReceiver(t.Context(), tc.of)[0].checks
			if len(checks) != 1 || checks[0].Level != tc.level || !strings.Contains(checks[0].Text, tc.text) || (checks[0].Hint == "") != (tc.level == OK) {
				t.Fatalf("%+v", *checks[0])
			}
			if strings.Contains(fmt.Sprint(*checks[0]), secret) {
				t.Errorf("it shows %+v", *checks[0])
			}
		})
	}
	if told, err := os.ReadFile(file); err != nil || !bytes.Contains(told, []byte(`"event":"test"`)) {
		t.Errorf("the command got %q, %v", told, err)
	}
}

// Whoever misspells the receiver that is to be tested is told so.
func TestNoSuchReceiver(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.more = "notify \"pager\" {\n  events = [\"drift\"]\n  command = [\"/bin/true\"]\n}\n"
	b.o.Notify = "pagr"
	var found []string
	for _, c := range b.examine() {
		if strings.HasPrefix(c.Group, "notify ") {
			found = append(found, fmt.Sprintf("%s %s: %s; %s", c.Level, c.Group, c.Text, c.Hint))
		}
	}
	want := `fail notify pagr: the configuration has no block notify "pagr"; there is: pager` + "\n" + `ok notify pager: /bin/true is there; --notify pager runs it with a test event; `
	if got := strings.Join(found, "\n"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
