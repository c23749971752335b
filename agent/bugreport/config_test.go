package bugreport_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/bugreport"
	"sallyport/agent/config"
	"sallyport/notify/redact"
)

// everyKind has a literal in each kind of attribute that holds values.
const everyKind = `data_dir = "/var/lib/sallyport"
ping_url = "https://ping.example.com/pinged-canary"
locals { who = "local-canary" }
repository "infra" {
  url   = "https://git.example.com/ops/infra.git"
  token = "token-canary-1"
}
notify "pager" {
  events  = ["waiting"]
  url     = "https://alerts.example.com/receiver-canary"
  headers = { X-Key = "header-canary" }
}
notify "mail" {
  events  = ["errored"]
  command = ["/bin/true", "argument-canary"]
  env     = { KEY = "mail-canary" }
}
stack "ghe" {
  for_each       = { prod = "element-canary", "key-canary" = local.who }
  name           = "ghe-${each.key}"
  dir            = "ghe/${each.key}"
  vars           = { a = "variable-canary", b = ["list-canary"], c = local.who }
  env            = { A = "environment-canary" }
  plan_env       = { A = "plan-canary" }
  apply_env      = { A = "apply-canary" }
  backend_config = { bucket = "backend-canary" }
}
`

// What is left out of the file of a configuration is not in what is understood of it either, but for the keys that stacks are named after.
func TestLeftOutEverywhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "sallyport.hcl")
	if err := os.WriteFile(file, []byte(everyKind), 0o600); err != nil {
		t.Fatal(err)
	}
	c := bugreport.ReadConfiguration(file, config.LoadOptions{SkipModes: true}, nil)
	r, err := bugreport.Collect(t.Context(), time.Now(), c.Parts, redact.New(c.Known...))
	if err != nil {
		t.Fatal(err)
	}
	texts := unpacked(t, r)
	if texts["config.json"] == "" {
		t.Fatalf("the configuration is not good: %s", texts["config.txt"])
	}
	for _, part := range []string{"config.json", "config/sallyport.hcl"} {
		for _, line := range strings.Split(texts[part], "\n") {
			if strings.Contains(line, "canary") && !strings.Contains(line, "key-canary") {
				t.Errorf("%s shows %s", part, line)
			}
		}
		if !strings.Contains(texts[part], "git.example.com/ops/infra.git") {
			t.Errorf("%s does not show what is no secret:\n%s", part, texts[part])
		}
	}
}
