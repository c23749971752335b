package doctor

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent"
	"sallyport/agent/config"
	"sallyport/agent/config/web"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/agent/patience"
)

// TestNoPrograms has neither terraform nor git on PATH, and a module that needs git.
func TestNoPrograms(t *testing.T) {
	b := newBed(t)
	b.files["ghe/modules.tf"] = "module \"m\" {\n  source = \"git::https://git.example/m\"\n}\n"
	b.options()
	b.files = nil
	t.Setenv("PATH", t.TempDir())
	text := rendered(b.examine())
	for _, want := range []string{"fail  binary: ", "-> install terraform", "fail  modules: ", "-> install git"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

// TestRunningAgent asks a real agent, whose repository is gone.
func TestRunningAgent(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.block = ""
	b.url += "-gone"
	o := b.options()
	cfg, err := config.Load(o.ConfigPath, config.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Web = &web.Web{Socket: filepath.Join(filepath.Dir(cfg.Socket), "web.sock")}
	ready := make(chan struct{})
	a, err := agent.New(agent.Options{
		Config: cfg, Version: "0.9.0", Executable: "/nonexistent", Log: slog.New(slog.DiscardHandler), Ready: func() { close(ready) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-ready
	client := socket.NewClient(cfg.Socket)
	defer client.Close()
	eventually(t, func() bool {
		status, err := client.Status(t.Context())
		return err == nil && status.Repositories[0].Error != ""
	})
	if err := client.Pause(t.Context(), control.PauseRequest{Reason: "a test"}); err != nil {
		t.Fatal(err)
	}
	text := rendered(b.examine())
	for _, want := range []string{
		"ok    running: version 0.9.0", "warn  version: the agent is 0.9.0 and this program is 1.0.0", "warn  paused: ",
		"fail  repository infra: the agent says: ", "ok    web: pages to read at DIR/run/web.sock",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(patience.Limit())
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it did not come to pass")
		}
	}
}
