package repo_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
	"sallyport/notify/redact"
)

func BenchmarkPollHTTPS(b *testing.B) {
	g := gittest.NewRepo(b, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	h := gittest.NewHTTP(b, g.Root(), gittest.HTTPOptions{Token: token})
	r := open(b, repo.Options{URL: h.URL(g.Name), CAFile: h.CAFile, Token: redact.NewSecret(token)})
	wantTip(b, r, head)
	before := h.Requests()
	n := 0
	for b.Loop() {
		wantTip(b, r, head)
		n++
	}
	b.ReportMetric(float64(h.Requests()-before)/float64(n), "requests/op")
	b.ReportMetric(float64(h.Conns()), "connections")
}

func BenchmarkPollSSH(b *testing.B) {
	g := gittest.NewRepo(b, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	s := gittest.NewSSHD(b, gittest.SSHDOptions{})
	r := open(b, repo.Options{URL: s.URL(g.Bare), SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile})
	wantTip(b, r, head)
	for b.Loop() {
		wantTip(b, r, head)
	}
	b.ReportMetric(float64(s.Connections()), "connections")
}

// thousand is a repository of 1,000 files of 4 KB in 100 directories, and a second commit that changes 20 of them.
func thousand(b *testing.B) (r *repo.Repository, first, second string) {
	files := map[string]string{}
	content := noise(4096)
	for i := range 1000 {
		files[fmt.Sprintf("dir%d/file%d.tf", i/10, i%10)] = fmt.Sprint(i) + content
	}
	r, g, first := fetched(b, files)
	changed := map[string]string{}
	for i := range 20 {
		changed[fmt.Sprintf("dir%d/file0.tf", i)] = fmt.Sprint("changed", i)
	}
	second = g.Commit("second", changed)
	must(b, r.Fetch(b.Context(), second))
	return r, first, second
}

func BenchmarkMaterialise1000(b *testing.B) {
	r, _, head := thousand(b)
	root := b.TempDir()
	n := 0
	for b.Loop() {
		must(b, r.Materialise(b.Context(), head, filepath.Join(root, fmt.Sprint(n)), repo.MaterialiseOptions{}))
		n++
	}
}

func BenchmarkChanged(b *testing.B) {
	r, first, second := thousand(b)
	for b.Loop() {
		paths, err := r.Changed(b.Context(), first, second)
		must(b, err)
		wantEqual(b, len(paths), 20)
	}
}

// BenchmarkHas is the second half of an empty poll.
func BenchmarkHas(b *testing.B) {
	r, _, head := thousand(b)
	for b.Loop() {
		if !r.Has(head) {
			b.Fatal("not there")
		}
	}
}

// BenchmarkFetchOneCommit is what a new commit costs over https, verification and durability included; making the commit
// is not counted.
func BenchmarkFetchOneCommit(b *testing.B) {
	g := gittest.NewRepo(b, "", "infra")
	files := map[string]string{}
	for i := range 100 {
		files[fmt.Sprintf("dir%d/main.tf", i)] = noise(2000 + i)
	}
	g.Commit("first", files)
	h := gittest.NewHTTP(b, g.Root(), gittest.HTTPOptions{})
	r := open(b, repo.Options{URL: h.URL(g.Name), CAFile: h.CAFile})
	must(b, r.Fetch(b.Context(), g.Head()))
	n := 0
	for b.Loop() {
		b.StopTimer()
		n++
		head := g.Commit("next", map[string]string{"dir1/main.tf": fmt.Sprint(n)})
		b.StartTimer()
		must(b, r.Fetch(b.Context(), head))
	}
}
