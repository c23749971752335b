package github_test

import (
	"html"
	"strings"
	"testing"

	"sallyport/notify/github"
	"sallyport/store"
)

// Of an image in a pull request status and comment say whether Packer takes the template, and which files differ.
func TestImageOfPullRequest(t *testing.T) {
	plan := &store.Plan{Add: 2, Changes: []store.Change{{Address: "a", Actions: []string{"create"}}, {Address: "b", Actions: []string{"create"}}}}
	valid := github.Run{ID: 3, Stack: "node", Status: store.Previewed, Plan: plan, Image: true, Differs: "1 file differs: images/node/`@everyone`.json"}
	if s := github.RunStatus(valid); s.State != github.Success || s.Description != "packer validate: valid, 2 images to build; 1 file differs: images/node/`@everyone`.json" {
		t.Errorf("%+v", s)
	}
	failed := github.Run{ID: 3, Stack: "node", Status: store.Errored, Image: true}
	if s := github.RunStatus(failed); s.State != github.Failure || s.Description != "packer validate failed, nothing is built" {
		t.Errorf("%+v", s)
	}
	body := github.Report{Head: strings.Repeat("a", 40), Runs: []github.Run{valid}}.Body()
	if !strings.Contains(body, "| packer validate: valid, 2 images to build; ") || !strings.Contains(html.UnescapeString(body), "<code>1 file differs: images/node/`@everyone`.json</code>") || strings.Contains(body, "@everyone") {
		t.Errorf("%s", body)
	}
}
