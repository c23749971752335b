package transport

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	sortedHeader   = "# pack-refs with: peeled fully-peeled sorted \n"
	unsortedHeader = "# pack-refs with: peeled fully-peeled \n"
	mainRef        = "refs/heads/main"
)

// hashOf is a hash of its own for each number.
func hashOf(n int) string { return fmt.Sprintf("%040x", n+0xabc) }

// onDisk makes as much of a repository as its references need.
func onDisk(t *testing.T, files map[string]string) *localRemote {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{"HEAD": "ref: refs/heads/main\n", "config": "[core]\n\tbare = true\n"}
	for name, text := range files {
		all[name] = text
	}
	for _, sub := range []string{"objects/pack", "refs/heads"} {
		must(t, os.MkdirAll(filepath.Join(dir, sub), 0o700))
	}
	for name, text := range all {
		path := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return &localRemote{dir: dir}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// found is the commit of a reference as a poll finds it; empty if it does not.
func found(t *testing.T, l *localRemote, name string) string {
	t.Helper()
	list, err := l.Refs(t.Context(), []string{name, "HEAD"})
	must(t, err)
	if h, ok := list.Hashes[name]; ok {
		return h.String()
	}
	return ""
}

// line is one of packed-refs.
func line(n int, name string) string { return hashOf(n) + " " + name + "\n" }

// One reference is found where git would find it, and as go-git finds it that lists all of them.
func TestOneReference(t *testing.T) {
	t.Parallel()
	around := func(text string) string { return line(1, "refs/heads/a") + text + line(2, "refs/heads/z") }
	long := "refs/heads/" + strings.Repeat("x", 5000)
	for name, c := range map[string]struct {
		files map[string]string
		want  string // hash of refs/heads/main
		odd   bool   // only go-git can say
	}{
		"a file of its own":             {map[string]string{mainRef: hashOf(5) + "\n"}, hashOf(5), false},
		"nothing":                       {nil, "", false},
		"sorted":                        {map[string]string{"packed-refs": sortedHeader + around(line(5, mainRef))}, hashOf(5), false},
		"sorted, gone":                  {map[string]string{"packed-refs": sortedHeader + around("")}, "", false},
		"first":                         {map[string]string{"packed-refs": sortedHeader + line(5, mainRef) + line(2, "refs/heads/z")}, hashOf(5), false},
		"last":                          {map[string]string{"packed-refs": sortedHeader + line(2, "refs/heads/a") + line(5, mainRef)}, hashOf(5), false},
		"the only one":                  {map[string]string{"packed-refs": sortedHeader + line(5, mainRef)}, hashOf(5), false},
		"header only":                   {map[string]string{"packed-refs": sortedHeader}, "", false},
		"empty":                         {map[string]string{"packed-refs": ""}, "", false},
		"not sorted":                    {map[string]string{"packed-refs": unsortedHeader + line(2, "refs/heads/z") + line(5, mainRef) + line(1, "refs/heads/a")}, hashOf(5), false},
		"without a header":              {map[string]string{"packed-refs": line(2, "refs/heads/z") + line(5, mainRef) + line(1, "refs/heads/a")}, hashOf(5), false},
		"sorted, as it is not":          {map[string]string{"packed-refs": sortedHeader + line(5, mainRef) + padding("b", 300) + padding("c", 1)}, hashOf(5), false},
		"another begins like it":        {map[string]string{"packed-refs": sortedHeader + line(1, mainRef+"2")}, "", false},
		"another ends like it":          {map[string]string{"packed-refs": unsortedHeader + line(1, "refs/x/"+mainRef) + line(5, mainRef)}, hashOf(5), false},
		"peeled tags":                   {map[string]string{"packed-refs": sortedHeader + around(line(5, mainRef)) + line(3, "refs/tags/v1") + "^" + hashOf(4) + "\n"}, hashOf(5), false},
		"long names":                    {map[string]string{"packed-refs": sortedHeader + line(1, "refs/heads/a") + line(5, mainRef) + line(2, long)}, hashOf(5), false},
		"the file counts":               {map[string]string{mainRef: hashOf(6) + "\n", "packed-refs": sortedHeader + around(line(5, mainRef))}, hashOf(6), false},
		"a directory of its name":       {map[string]string{mainRef + "/sub": hashOf(6) + "\n", "packed-refs": sortedHeader + around("")}, "", false},
		"points to another":             {map[string]string{mainRef: "ref: refs/heads/trunk\n", "refs/heads/trunk": hashOf(7) + "\n"}, hashOf(7), false},
		"points to a packed one":        {map[string]string{mainRef: "ref: refs/heads/z\n", "packed-refs": sortedHeader + around("")}, hashOf(2), false},
		"HEAD names a commit":           {map[string]string{"HEAD": hashOf(9) + "\n", mainRef: hashOf(5) + "\n"}, hashOf(5), false},
		"points out":                    {map[string]string{mainRef: "ref: refs/../../../etc/passwd\n"}, "", true},
		"the end is missing":            {map[string]string{"packed-refs": sortedHeader + line(1, "refs/heads/a") + strings.TrimSuffix(line(5, mainRef), "\n")}, hashOf(5), true},
		"lines that end with CR and LF": {map[string]string{"packed-refs": strings.ReplaceAll(unsortedHeader+line(5, mainRef), "\n", "\r\n")}, hashOf(5), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := onDisk(t, c.files)
			h, ok, err := resolveRef(l.dir, mainRef)
			if c.odd != (err != nil) {
				t.Fatalf("reading it alone: %v, and only go-git can: %v", err, c.odd)
			}
			if !c.odd && ok != (c.want != "") || ok && h.String() != c.want {
				t.Errorf("read alone: %s, %v, instead of %q", h, ok, c.want)
			}
			if all, err := listRefs(l.dir); err == nil {
				if listed := all.Hashes[mainRef]; c.want != "" && listed.String() != c.want {
					t.Errorf("go-git lists %s instead of %s", listed, c.want)
				}
				if got := found(t, l, mainRef); got != c.want {
					t.Errorf("a poll finds %q instead of %q", got, c.want)
				}
			}
		})
	}
}

// padding is so many lines whose names begin with a letter.
func padding(letter string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i, fmt.Sprintf("refs/heads/%s%06d", letter, i)))
	}
	return b.String()
}

// Every reference of a large file is found, and none between two of them.
func TestManyReferences(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	text.WriteString(sortedHeader)
	var names []string
	for i := range 3000 {
		name := fmt.Sprintf("refs/pull/%05d/%s", 2*i, strings.Repeat("h", 1+r.IntN(60)))
		names = append(names, name)
		text.WriteString(line(i, name))
		for range r.IntN(3) / 2 {
			text.WriteString("^" + hashOf(i) + "\n")
		}
	}
	l := onDisk(t, map[string]string{"packed-refs": text.String()})
	for i, name := range names {
		h, ok, err := resolveRef(l.dir, name)
		if err != nil || !ok || h.String() != hashOf(i) {
			t.Fatalf("%s: %s, %v, %v", name, h, ok, err)
		}
	}
	for i := range 30 {
		name := fmt.Sprintf("refs/pull/%05d/h", 2*(i*100)+1)
		if h, ok, err := resolveRef(l.dir, name); ok || err != nil {
			t.Fatalf("%s is not there: %s, %v", name, h, err)
		}
	}
}

// What is read is what is there now, also where the file looks untouched: as large, of the same time, and at the same place.
func TestReferencesChangeWithinATick(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(-time.Hour)
	l := onDisk(t, nil)
	packed, loose := filepath.Join(l.dir, "packed-refs"), filepath.Join(l.dir, mainRef)
	put := func(path, text string) {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		must(t, os.Chtimes(path, at, at))
	}
	expect := func(want string) {
		t.Helper()
		if got := found(t, l, mainRef); got != want {
			t.Errorf("found %q instead of %q", got, want)
		}
	}
	put(packed, sortedHeader+line(1, mainRef))
	expect(hashOf(1))
	put(packed, sortedHeader+line(2, mainRef))
	expect(hashOf(2))
	put(loose, hashOf(3)+"\n")
	expect(hashOf(3))
	put(loose, hashOf(4)+"\n")
	expect(hashOf(4))
	must(t, os.Remove(loose))
	expect(hashOf(2))
	must(t, os.Remove(packed))
	expect("")
}
