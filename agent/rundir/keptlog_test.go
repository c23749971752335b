package rundir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/hint"
	"sallyport/agent/rundir"
)

// The command line has no secrets to redact with when no agent answers: it shows what an agent redacted, and nothing else.
func TestOnlyARedactedLogIsReadWithoutAnAgent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("apply.jsonl", `{"@message":"(local-exec): hunter2","type":"provision_progress"}`+"\n")
	text, err := rundir.ReadKeptLog(dir)
	if err == nil || strings.Contains(text+err.Error(), "hunter2") || !strings.Contains(hint.Of(err), "start the agent") {
		t.Errorf("the log of an apply at work: %q, %v", text, err)
	}
	write("log.txt", "(local-exec): (redacted)\n")
	if text, err = rundir.ReadKeptLog(dir); err != nil || text != "(local-exec): (redacted)\n" {
		t.Errorf("the log of an apply that has ended: %q, %v", text, err)
	}
}
