package agent_test

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The bounds of the house, in lines: somebody who comes to a package or a file has to be able to read all of it.
const (
	maxTop  = 600  // of package agent, which makes the rooms and nothing else
	maxRoom = 1800 // of a room and of a rule: what the agent does
	maxLeaf = 2500 // of any other package, which knows one subject
	maxFile = 400  // of a file, of tests too
)

// larger are the packages with a bound of their own, and why.
var larger = map[string]int{
	"store": 4800, // what a transaction keeps in step lies in one package, so that nobody else can write a record without its indexes
}

// users are the packages that use one, directly or through others, and that one.
func users(of string) map[string]bool {
	found := map[string]bool{of: true}
	for _, row := range storeys { // each below what it uses
		if slices.ContainsFunc(row.uses, func(name string) bool { return found[name] }) {
			found[row.name] = true
		}
	}
	return found
}

// bounds are how many lines each package may have, tests left out. What uses the journal is a room, and so are the rules.
func bounds() map[string]int {
	most := map[string]int{}
	rooms, above := users("agent/journal"), users("agent")
	for _, row := range storeys {
		name := row.name
		switch {
		case larger[name] != 0:
			most[name] = larger[name]
		case name == "agent":
			most[name] = maxTop
		case rooms[name] && !above[name] || strings.HasPrefix(name, "agent/lifecycle"):
			most[name] = maxRoom
		default:
			most[name] = maxLeaf
		}
	}
	return most
}

// ours are the packages of ours, each with its directory and its files, tests left out.
func ours(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{.Dir}}{{range .GoFiles}} {{.}}{{end}}`, "sallyport/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		for _, file := range words[2:] {
			name := strings.TrimPrefix(words[0], "sallyport/")
			packages[name] = append(packages[name], filepath.Join(words[1], file))
		}
	}
	if len(packages) == 0 {
		t.Fatal("found no packages at all")
	}
	return packages
}

// lines counts those of a file.
func lines(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}

// TestEveryPackageCanBeRead counts the lines of every package, tests left out.
func TestEveryPackageCanBeRead(t *testing.T) {
	t.Parallel()
	most := bounds()
	for name, files := range ours(t) {
		n := 0
		for _, file := range files {
			n += lines(t, file)
		}
		if bound, known := most[name]; known && n > bound { // one that has no row is TestImportsPointDown's
			t.Errorf("package %s has %d lines, more than %d: part it along a seam of its own, into packages below it", name, n, bound)
		}
	}
}

// TestEveryFileCanBeRead counts the lines of every file, of tests too.
func TestEveryFileCanBeRead(t *testing.T) {
	t.Parallel()
	found := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == ".work"):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		found++
		if n := lines(t, path); n > maxFile {
			t.Errorf("%s has %d lines, more than %d", path, n, maxFile)
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Fatalf("looked at %d files: %v", found, err)
	}
}

// maxMethods bounds the methods of a type: one with more knows everything, and what it does cannot be tried without it.
const maxMethods = 40

// TestNoTypeIsAKnot counts the methods of every type of ours, tests left out.
func TestNoTypeIsAKnot(t *testing.T) {
	t.Parallel()
	larger := map[string]int{
		"store.Tx": 80, // one method for each question to a transaction
	}
	counts := map[string]int{}
	for name, files := range ours(t) {
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
					counts[name+"."+receiver(fn.Recv.List[0].Type)]++
				}
			}
		}
	}
	if len(counts) == 0 {
		t.Fatal("found no methods at all")
	}
	for name, n := range counts {
		if most := cmp.Or(larger[name], maxMethods); n > most {
			t.Errorf("%s has %d methods, more than %d: make functions of those that need a part of it", name, n, most)
		}
	}
}

// receiver is the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
