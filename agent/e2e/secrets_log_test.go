package e2e

import (
	"strings"
	"testing"
)

// The log of an apply holds what commands printed. It is redacted without an agent, too.
func TestLogWithoutAnAgentIsRedacted(t *testing.T) {
	t.Parallel()
	const secret = "canary-env-secret-51d0"
	i := newInfra(t)
	i.Commit("Add", map[string]string{"box/main.tf": `
resource "terraform_data" "a" {
  provisioner "local-exec" { command = "echo $CLOUD_TOKEN is the token" }
}
`})
	h := newHouse(t, i.box(`env = { CLOUD_TOKEN = env("CLOUD_TOKEN") }`), "CLOUD_TOKEN="+secret).start()
	h.reaches("1", "planned")
	h.must("approve", "1")
	h.reaches("1", "applied")
	if text := h.must("show", "1", "--log"); strings.Contains(text, secret) || !strings.Contains(text, "is the token") {
		t.Errorf("with an agent:\n%s", text)
	}
	h.stop()
	if text := h.must("show", "1", "--log"); strings.Contains(text, secret) || !strings.Contains(text, "is the token") {
		t.Errorf("without an agent:\n%s", text)
	}
}
