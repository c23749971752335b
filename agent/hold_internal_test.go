package agent

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// steppers are the functions that look at an open run and may leave it where it is.
var steppers = []string{"leave", "stepPending", "stepPlanning", "stepPlanned", "stepApproved", "stepApplying", "stepPreview", "waitForSlot"}

// TestNoSilentWait walks every return of the state machine: one that neither moves the run nor says why it is held has the
// reason why nobody has to be told in a comment on its line.
func TestNoSilentWait(t *testing.T) {
	files := token.NewFileSet()
	found := map[string]int{}
	for _, name := range []string{"step.go", "apply.go", "preview.go", "hold.go"} {
		file, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		comments := map[int]string{}
		for _, group := range file.Comments {
			for _, c := range group.List {
				comments[files.Position(c.Pos()).Line] = c.Text
			}
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !slices.Contains(steppers, f.Name.Name) {
				continue
			}
			ast.Inspect(f.Body, func(node ast.Node) bool {
				if _, inner := node.(*ast.FuncLit); inner {
					return false // of a transaction
				}
				r, ok := node.(*ast.ReturnStmt)
				if !ok {
					return true
				}
				found[f.Name.Name]++
				if acts(r) || strings.HasPrefix(comments[files.Position(r.Pos()).Line], "// not held") {
					return true
				}
				t.Errorf("%s: %s leaves a run where it is without a word: hold it with the reason, or say on this line why it is `not held`", files.Position(r.Pos()), f.Name.Name)
				return true
			})
		}
	}
	for _, name := range steppers {
		if found[name] == 0 {
			t.Errorf("there is no function %s (any more)", name)
		}
	}
}

// acts reports whether a return does something about the run, hands an error on, or says that there is nothing in its way.
func acts(r *ast.ReturnStmt) bool {
	last := r.Results[len(r.Results)-1]
	if id, ok := last.(*ast.Ident); !ok || id.Name != "nil" {
		return true // an error, or a call that moves or holds
	}
	if id, ok := r.Results[0].(*ast.Ident); ok && id.Name == "false" {
		return true // leave: the step goes on
	}
	calls := false
	for _, result := range r.Results {
		ast.Inspect(result, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if s, ok := call.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "hold" || s.Sel.Name == "moveNow") {
					calls = true
				}
			}
			return true
		})
	}
	return calls
}
