package agent_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// Ephemeral variables are in no plan file: the apply gets the values that the plan was made with, also after a restart, and they
// stand in nothing that is kept.
func TestAnApplyGetsTheEphemeralVariablesOfItsPlan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token, out := filepath.Join(dir, "token"), filepath.Join(dir, "out")
	if err := os.WriteFile(token, []byte("canary-of-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := func(n int) string {
		return fmt.Sprintf(`
variable "plain" { type = string }
variable "token" {
  type      = string
  ephemeral = true
}
variable "pin" {
  type      = string
  ephemeral = true
  default   = "none"
}
resource "terraform_data" "a" {
  input            = var.plain
  triggers_replace = %d
  provisioner "local-exec" {
    command     = "printf '%%s %%s' \"$TOKEN\" \"$PIN\" >%s"
    environment = { TOKEN = var.token, PIN = var.pin }
  }
}
`, n, out)
	}
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": config(1), "box/prod.tfvars": "pin = \"canary-of-a-var-file\"\n"})
	h := newHouse(t, box(r, fmt.Sprintf("vars = { token = file(%q), plain = \"v1\" }\nvar_files = [\"prod.tfvars\"]\nreplaceable = [\"terraform_data.a\"]", token))).start()
	wrote := func(want string) {
		t.Helper()
		if text, err := os.ReadFile(out); err != nil || string(text) != want {
			t.Errorf("the apply was given %q, %v; want %q", text, err, want)
		}
	}
	h.Reaches("box", store.Planned)
	h.stop()
	h.start()
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	wrote("canary-of-a-file canary-of-a-var-file")

	// What a person gives is in no file of the repository's and in no configuration.
	id := h.begin(control.StartRequest{Stack: "box", Vars: map[string]string{"pin": "canary-of-a-person"}, Replace: []string{"terraform_data.a"}})
	h.Reaches(num(id), store.Planned)
	h.stop()
	h.start()
	h.MustDecide(num(id), "approve")
	h.Reaches(num(id), store.Applied)
	wrote("canary-of-a-file canary-of-a-person")

	// Other values than those of the plan are nobody's to put in their place.
	lost := h.begin(control.StartRequest{Stack: "box", Replace: []string{"terraform_data.a"}})
	h.Reaches(num(lost), store.Planned)
	kept := filepath.Join(h.Dir, "data", "runs", fmt.Sprint(lost), "plan", "ephemeral.tfvars.json")
	if err := os.WriteFile(kept, []byte(`{"token":"another","pin":"another"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	h.MustDecide(num(lost), "approve")
	if run := h.Reaches(num(lost), store.Errored); !strings.Contains(run.Error, "ephemeral variables") || run.Hint != "sallyport plan box" {
		t.Errorf("with other values: %q, hint %q", run.Error, run.Hint)
	}
	wrote("canary-of-a-file canary-of-a-person")

	h.gone(filepath.Join(h.Dir, "data", "runs", fmt.Sprint(lost), "src")) // what a run had goes in the pass after its end
	h.stop()
	if strings.Contains(h.Logged(), "canary-of") {
		t.Error("the log tells a value")
	}
	err := filepath.WalkDir(filepath.Join(h.Dir, "data", "runs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "canary-of") {
			t.Errorf("%s tells a value after the end of its run", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
