package render

import (
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"sallyport/agent/control"
	"sallyport/store"
)

// However wide the terminal is, no line is wider if that can be, and each word stands there whole or not at all.
func TestTablesFit(t *testing.T) {
	r := night()
	r.Subject, r.Reason = "Give the node a bigger disk for everybody who builds there", ""
	other := control.Run{ID: 1234, Stack: "services-jira", Kind: store.KindDrift, Status: store.NoChanges, Commit: "fedcba9876543210", CreatedAt: before(49 * time.Hour), Reason: "the schedule"}
	stack := control.Stack{
		Name: "services-confluence", AppliedCommit: "fedcba9876543210", AppliedAt: before(48 * time.Hour), Run: &r, Error: "its directory left the branch; its state still holds 3 resources",
		Drift: &control.Drift{CheckedAt: before(time.Minute), Gone: 1, Changed: 2, Since: before(time.Hour)},
	}
	infra := control.Repository{Name: "infra", Branch: "main", Head: "0123456789abcdef", PolledAt: before(time.Minute), URL: "ssh://git@git.example.internal/operations/a-rather-long-name-of-infra.git"}
	for name, of := range map[string]func(Width) string{
		"runs": func(w Width) string { return w.Runs([]control.Run{r, other}, clock()) },
		"status": func(w Width) string {
			return w.Status(control.Status{
				Stacks: []control.Stack{stack}, Repositories: []control.Repository{infra},
				Names: []control.Name{{Name: "#infrastructure", ID: "C0123456789", At: clock()}, {Name: "jane@example.com", ID: "U0123456789", At: clock()}},
				Problems: []control.Problem{{
					Source: "slack", Error: "the channel cannot be read, and nobody knows whether anybody has approved anything there since", Hint: "invite the bot into the channel, or look at its token and the scopes that it has",
				}},
			}, clock())
		},
		"stacks":       func(w Width) string { return w.stacksTable([]control.Stack{stack}, clock()) },
		"repositories": func(w Width) string { return w.repositoriesTable([]control.Repository{infra}, clock()) },
		"images": func(w Width) string {
			return w.Images([]Build{{Image: "node", Run: 3, Commit: "fedcba9876543210", Artifacts: []control.Artifact{{ID: "ami-0123456789abcdef", Region: "eu-west-1"}}, Stacks: []string{"services-jira", "services-confluence", "ghe"}}})
		},
	} {
		words := map[string]bool{"…": true}
		for _, word := range strings.Fields(ansi.Strip(of(0))) {
			words[word] = true
		}
		for _, width := range []Width{200, 100, 80, 60} {
			text := ansi.Strip(of(width))
			for _, line := range strings.Split(text, "\n") {
				if w := lipgloss.Width(line); w > int(width) {
					t.Errorf("%s at %d: a line of %d: %s", name, width, w, line)
				}
			}
			for _, word := range strings.Fields(text) {
				if !words[word] {
					t.Errorf("%s at %d: %q is no whole word in\n%s", name, width, word, text)
				}
			}
		}
	}
	narrow := ansi.Strip(Width(80).Runs([]control.Run{r, other}, clock()))
	if strings.Contains(narrow, "COMMIT") || !strings.Contains(narrow, "ABOUT") || !strings.Contains(narrow, "Give the node a bigger") {
		t.Errorf("runs at 80:\n%s", narrow)
	}
}
