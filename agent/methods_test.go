package agent_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxMethods bounds the methods of a type: one with more knows everything, and what it does cannot be tried without it.
const maxMethods = 40

// TestNoTypeIsAKnot counts the methods of every type of ours, tests left out.
func TestNoTypeIsAKnot(t *testing.T) {
	t.Parallel()
	larger := map[string]bool{
		"store.Tx": true, // one method for each question to a transaction
	}
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{.Dir}}{{range .GoFiles}} {{.}}{{end}}`, "sallyport/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		for _, file := range words[2:] {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(words[1], file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
					counts[strings.TrimPrefix(words[0], "sallyport/")+"."+receiver(fn.Recv.List[0].Type)]++
				}
			}
		}
	}
	if len(counts) == 0 {
		t.Fatal("found no methods at all")
	}
	for name, n := range counts {
		if n > maxMethods && !larger[name] {
			t.Errorf("%s has %d methods, more than %d: make functions of those that need a part of it", name, n, maxMethods)
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
