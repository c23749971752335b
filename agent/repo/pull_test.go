package repo_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
	"sallyport/notify/redact"
)

// TestMergeBaseAgreesWithGit in a history with merges, and several commits of one second.
func TestMergeBaseAgreesWithGit(t *testing.T) {
	t.Parallel()
	need.Long(t, "it asks git about many histories")
	r, g, _ := fetched(t, map[string]string{"a": "1"})
	names := tangled(t, g)
	must(t, r.Fetch(t.Context(), g.Head()))
	for _, a := range names {
		for _, b := range names {
			got, err := r.MergeBase(t.Context(), a, b)
			must(t, err)
			out := runEnv(t, g.Work, nil, "sh", "-c", "git merge-base --all "+a+" "+b+" || true")
			if all := strings.Fields(out); !slices.Contains(all, got) && (got != "" || len(all) > 0) {
				t.Errorf("%.8s and %.8s meet at %.8s, and git says %v", a, b, got, all)
			}
		}
	}
}

// TestFetchPull brings exactly the head that was asked for, over a protocol and from a disk.
func TestFetchPull(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	first := g.Commit("first", map[string]string{"a": "1"})
	server := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Token: "of-this-hour"})
	for name, o := range map[string]repo.Options{"disk": {URL: g.Bare}, "http": {
		URL: server.URL("infra.git"), CAFile: server.CAFile,
		Password: func(context.Context) (redact.Secret, error) { return redact.NewSecret("of-this-hour"), nil },
	}} {
		t.Run(name, func(t *testing.T) {
			r := open(t, o)
			if err := r.FetchPull(t.Context(), 7, first); err == nil || !strings.Contains(err.Error(), "no whole mirror") {
				t.Errorf("without a mirror: %v", err)
			}
			must(t, r.Fetch(t.Context(), first))
			g.Git("checkout", "-q", "-B", "topic", first)
			g.Write(map[string]string{"a": "2" + name})
			g.Git("add", "-A")
			g.Git("commit", "-q", "-m", "topic")
			head := g.Head()
			g.Git("push", "-q", "-f", "origin", "HEAD:refs/pull/7/head")
			g.Git("checkout", "-q", "main")
			if r.Has(head) {
				t.Fatal("it is there already")
			}
			wantError(t, r.FetchPull(t.Context(), 7, first), repo.ErrMoved, "between the check and the fetch")
			must(t, r.FetchPull(t.Context(), 7, head))
			tree, err := r.Tree(head)
			must(t, err)
			text, err := tree.ReadFile("a")
			must(t, err)
			wantEqual(t, string(text), "2"+name)
			base, err := r.MergeBase(t.Context(), first, head)
			must(t, err)
			wantEqual(t, base, first)
			if err := r.FetchPull(t.Context(), 8, head); err == nil {
				t.Error("a pull request that is not there was fetched")
			}
			must(t, r.DropPull(7))
			must(t, r.DropPull(7))
			must(t, r.Fetch(t.Context(), first)) // the branch is what it was
		})
	}
}

// TestPasswordIsAsked before each use, and what keeps it from being given is the error of the poll.
func TestPasswordIsAsked(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	first := g.Commit("first", map[string]string{"a": "1"})
	server := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Token: "new"})
	token, down := "old", error(nil)
	r := open(t, repo.Options{URL: server.URL("infra.git"), CAFile: server.CAFile, Password: func(context.Context) (redact.Secret, error) {
		return redact.NewSecret(token), down
	}})
	_, err := r.Poll(t.Context())
	wantError(t, err, repo.ErrAuth, "")
	token = "new"
	tip, err := r.Poll(t.Context())
	must(t, err)
	wantEqual(t, tip.Commit, first)
	down = errors.New("no token today")
	if _, err := r.Poll(t.Context()); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}
