// Package pagetest shows pages to a real Chromium, as Debian packages it, and tells what it made of them: what it asked for, what it
// complained of, what a key leads to. It speaks the browser's own protocol over two pipes, which needs no port and no library.
package pagetest

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/need"
)

// patience is how long anything may take before the browser counts as hanging.
const patience = 2 * time.Minute

// Browser is a running Chromium.
type Browser struct {
	t    testing.TB
	to   *os.File
	from *bufio.Reader
	pipe *os.File // of from
	last int
	tabs map[string]*Tab
}

// Start starts one, which ends with the test. Where there is none the test is skipped.
func Start(t testing.TB) *Browser {
	t.Helper()
	chromium := need.Program(t, "chromium")
	hears, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, says, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{
		"--headless", "--remote-debugging-pipe", "--user-data-dir=" + t.TempDir(), "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--no-default-browser-check", "--hide-scrollbars",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // it has none for root
	}
	c := exec.Command(chromium, append(args, "about:blank")...)
	c.ExtraFiles = []*os.File{hears, says} // 3 and 4
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	home := t.TempDir()
	c.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home)
	complaints, err := os.Create(filepath.Join(home, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer complaints.Close()
	c.Stderr = complaints
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = hears.Close(), says.Close()
	b := &Browser{t: t, to: to, from: bufio.NewReaderSize(from, 1<<20), pipe: from, tabs: map[string]*Tab{}}
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // it keeps nothing that is worth a farewell
		_ = c.Wait()
		_, _ = to.Close(), from.Close()
	})
	if err := b.begins(); err != nil {
		// It needs more of a machine than to be installed: name spaces for its sandbox, memory, a place for its profile.
		need.Skip(t, "chromium does not start here", fmt.Sprintf("it ended, or said nothing (%v): %s", err, said(c.Stderr.(*os.File))))
	}
	return b
}

// begins waits for the first answer.
func (b *Browser) begins() error {
	b.last++
	if _, err := fmt.Fprintf(b.to, `{"id":%d,"method":"Browser.getVersion"}%c`, b.last, 0); err != nil {
		return err
	}
	if err := b.pipe.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := b.from.ReadBytes(0)
	return err
}

// said is the end of what a program has said.
func said(f *os.File) string {
	text, err := os.ReadFile(f.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-300):])
}

// message is what the browser says: an answer, or an event.
type message struct {
	ID      int             `json:"id"`
	Session string          `json:"sessionId"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// read takes the next message.
func (b *Browser) read() message {
	b.t.Helper()
	if err := b.pipe.SetReadDeadline(time.Now().Add(patience)); err != nil {
		b.t.Fatal(err)
	}
	raw, err := b.from.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("the browser says nothing more: %v", err)
	}
	var m message
	if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
		b.t.Fatalf("the browser says %.200s: %v", raw, err)
	}
	if tab := b.tabs[m.Session]; tab != nil && m.Method != "" {
		tab.hear(m)
	}
	return m
}

// call has the browser do something; what happens meanwhile goes to the tabs.
func (b *Browser) call(session, method string, params, result any) {
	b.t.Helper()
	b.last++
	raw, err := json.Marshal(map[string]any{"id": b.last, "method": method, "params": params, "sessionId": session})
	if session == "" {
		raw, err = json.Marshal(map[string]any{"id": b.last, "method": method, "params": params})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(raw, 0)); err != nil {
		b.t.Fatalf("asking the browser for %s: %v", method, err)
	}
	for {
		m := b.read()
		if m.ID != b.last {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatalf("%s answers %.200s: %v", method, m.Result, err)
			}
		}
		return
	}
}

// View is how a page is looked at.
type View struct {
	Width, Height int
	Dark          bool
	Print         bool
}

// Tab is a page that is open.
type Tab struct {
	b          *Browser
	target, id string
	loaded     bool
	requests   []string
	complaints []string
	width      int
}

// Open opens an address in a tab of its own, and returns when all of it is loaded.
func (b *Browser) Open(url string, v View) *Tab {
	b.t.Helper()
	var made struct {
		TargetID string `json:"targetId"`
	}
	b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &made)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.call("", "Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &attached)
	tab := &Tab{b: b, target: made.TargetID, id: attached.SessionID}
	b.tabs[tab.id] = tab
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		tab.call(domain+".enable", nil, nil)
	}
	tab.Look(v)
	tab.call("Page.navigate", map[string]any{"url": url}, nil)
	for !tab.loaded {
		b.read()
	}
	return tab
}

// Look looks at the page in another way.
func (t *Tab) Look(v View) {
	t.b.t.Helper()
	t.width = v.Width
	t.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": v.Width, "height": v.Height, "deviceScaleFactor": 1, "mobile": v.Width < 500}, nil)
	scheme, media := "light", "screen"
	if v.Dark {
		scheme = "dark"
	}
	if v.Print {
		media = "print"
	}
	t.call("Emulation.setEmulatedMedia", map[string]any{"media": media, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

func (t *Tab) call(method string, params, result any) {
	t.b.t.Helper()
	t.b.call(t.id, method, params, result)
}

// hear takes an event of the page's.
func (t *Tab) hear(m message) {
	var p struct {
		Request struct {
			URL string `json:"url"`
		} `json:"request"`
		Entry struct {
			Level string `json:"level"`
			Text  string `json:"text"`
			URL   string `json:"url"`
		} `json:"entry"`
		Type string `json:"type"`
		Args []struct {
			Value any `json:"value"`
		} `json:"args"`
		Details struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	if err := json.Unmarshal(m.Params, &p); err != nil {
		t.b.t.Fatalf("%s is %.200s: %v", m.Method, m.Params, err)
	}
	switch m.Method {
	case "Page.loadEventFired":
		t.loaded = true
	case "Network.requestWillBeSent":
		t.requests = append(t.requests, p.Request.URL)
	case "Log.entryAdded":
		t.complaints = append(t.complaints, strings.TrimSpace(p.Entry.Level+": "+p.Entry.Text+" "+p.Entry.URL))
	case "Runtime.consoleAPICalled":
		t.complaints = append(t.complaints, fmt.Sprint(p.Type, ": ", p.Args))
	case "Runtime.exceptionThrown":
		t.complaints = append(t.complaints, "exception: "+p.Details.Text)
	}
}

// Requests are the addresses that were asked for, the page's own among them.
func (t *Tab) Requests() []string { return t.requests }

// Complaints are what stands in the console.
func (t *Tab) Complaints() []string { return t.complaints }

// Eval has an expression of JavaScript's computed in the page; a policy that lets no script run does not stop it. It may wait for promises.
func (t *Tab) Eval(expression string, into any) {
	t.b.t.Helper()
	var out struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Details *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	t.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &out)
	if out.Details != nil {
		t.b.t.Fatalf("%s\n%s %s", expression, out.Details.Text, out.Details.Exception.Description)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(out.Result.Value, into); err != nil {
		t.b.t.Fatalf("%s\nis %s: %v", expression, out.Result.Value, err)
	}
}

// Press presses a key as a person does: Tab, Enter.
func (t *Tab) Press(key string) {
	t.b.t.Helper()
	code, text := map[string]int{"Tab": 9, "Enter": 13}[key], map[string]string{"Enter": "\r"}[key]
	if code == 0 {
		t.b.t.Fatalf("nobody has said what the key %q is", key)
	}
	for _, event := range []string{"keyDown", "keyUp"} {
		p := map[string]any{"type": event, "key": key, "code": key, "windowsVirtualKeyCode": code}
		if event == "keyDown" && text != "" {
			p["text"] = text
		}
		t.call("Input.dispatchKeyEvent", p, nil)
	}
}

// Screenshot writes a picture of the whole page (PNG), at most some thousand lines of it.
func (t *Tab) Screenshot(file string) {
	t.b.t.Helper()
	var height float64
	t.Eval("document.documentElement.scrollHeight", &height)
	var shot struct {
		Data string `json:"data"`
	}
	t.call("Page.captureScreenshot", map[string]any{
		"captureBeyondViewport": true,
		"clip":                  map[string]any{"x": 0, "y": 0, "width": t.width, "height": min(height, 4000), "scale": 1},
	}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		t.b.t.Fatal(err)
	}
	if err := os.WriteFile(file, png, 0o600); err != nil {
		t.b.t.Fatal(err)
	}
}

// Close closes the tab.
func (t *Tab) Close() {
	t.b.call("", "Target.closeTarget", map[string]any{"targetId": t.target}, nil)
	delete(t.b.tabs, t.id)
}
