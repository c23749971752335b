package report_test

import (
	"html"
	"strings"
	"testing"

	"sallyport/notify/forge"
	"sallyport/notify/forge/report"
	"sallyport/store"
)

// Of an image in a pull request status and comment say whether Packer takes the template, and which files differ.
func TestImageOfPullRequest(t *testing.T) {
	plan := &store.Plan{Add: 2, Changes: []store.Change{{Address: "a", Actions: []string{"create"}}, {Address: "b", Actions: []string{"create"}}}}
	valid := report.Run{ID: 3, Stack: "node", Status: store.Previewed, Plan: plan, Image: true, Differs: "1 file differs: images/node/`@everyone`.json"}
	if s := report.RunStatus(valid); s.State != forge.Success || s.Description != "packer validate: valid, 2 images to build; 1 file differs: images/node/`@everyone`.json" {
		t.Errorf("%+v", s)
	}
	failed := report.Run{ID: 3, Stack: "node", Status: store.Errored, Image: true}
	if s := report.RunStatus(failed); s.State != forge.Failure || s.Description != "packer validate failed, nothing is built" {
		t.Errorf("%+v", s)
	}
	body := report.Comment{Head: strings.Repeat("a", 40), Runs: []report.Run{valid}}.Body()
	if !strings.Contains(body, "| packer validate: valid, 2 images to build; ") || !strings.Contains(html.UnescapeString(body), "<code>1 file differs: images/node/`@everyone`.json</code>") || strings.Contains(body, "@everyone") {
		t.Errorf("%s", body)
	}
}
