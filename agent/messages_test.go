package agent_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sallyport/notify/words/wordstest"
)

// unread are directories whose texts no user of the program reads.
var unread = regexp.MustCompile(`test$|/e2e$|/sim$|/sim/|/need$|/testdata`)

// verb is a verb of a format.
var verb = regexp.MustCompile(`%(?:\[\d+\])?[-+# 0]*[\d*]*(?:\.[\d*]+)?([a-zA-Z%])`)

// filled is a literal with something in the place of its verbs. A number is one, so that a plural behind it shows: whoever counts
// takes words.Count or words.Of. One that is a bound, a name or an exact length that cannot be one is none of those.
func filled(literal string) string {
	last := 0
	var b strings.Builder
	for _, m := range verb.FindAllStringSubmatchIndex(literal, -1) {
		before := literal[last:m[0]]
		b.WriteString(before)
		last = m[1]
		switch literal[m[2]:m[3]] {
		case "d":
			if bounded.MatchString(before) {
				b.WriteString("#12")
			} else {
				b.WriteString("1")
			}
		case "%":
			b.WriteString("%")
		default:
			b.WriteString("X")
		}
	}
	return b.String() + literal[last:]
}

// bounded ends what stands before a number that is a bound or a name, and never one thing.
var bounded = regexp.MustCompile(`(?:#|than |than the |at most |least |first |within |the last |sallyport \w+ |requests? |run |number |numbers? are|page |line |process |app |installation |every |which |entry |has |have |of the |skipping |most )$`)

// TestMessagesReadWell walks every text of the program that people read: each literal of more than one word, and the rendered ones.
func TestMessagesReadWell(t *testing.T) {
	t.Parallel()
	root := ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		switch {
		case d.IsDir():
			if d.Name() == ".git" || d.Name() == ".work" {
				return fs.SkipDir
			}
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !unread.MatchString(dir):
			for _, fault := range literalFaults(t, path) {
				t.Error(fault)
			}
		case strings.Contains(dir, "testdata") && !strings.Contains(dir, "packer") && !strings.Contains(dir, "fuzz") && slices.Contains([]string{".golden", ".ansi", ".txt"}, filepath.Ext(path)):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if strings.HasSuffix(dir, "/script") { // what it expects stands in files behind the commands
				_, expected, _ := strings.Cut(string(text), "\n-- ")
				text = []byte(expected)
			}
			for _, fault := range wordstest.Faults(escapes.ReplaceAllString(string(text), "")) {
				t.Errorf("%s: %s", path, fault)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// literalFaults are what is wrong with the literals of a file, and the places where Go's own words for an input that cannot be read
// would be said to people.
func literalFaults(t *testing.T, path string) []string {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var faults []string
	say := func(n ast.Node, what string) {
		faults = append(faults, fmt.Sprintf("%s: %s", set.Position(n.Pos()), what))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec, *ast.Field: // tags
			return false
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "MustCompile" || f.Sel.Name == "NewReplacer") {
				return false
			}
		case *ast.BinaryExpr:
			if text, ok := constant(n); ok {
				for _, fault := range wordstest.Faults(filled(text)) {
					say(n, fault)
				}
				return false
			}
			if text, ok := constant(n.X); ok && n.Op == token.ADD && strings.HasSuffix(strings.TrimRight(text, " "), " since") && calls(n.Y, "ago") {
				say(n, "since and ago")
			}
		case *ast.BasicLit:
			if text, ok := constant(n); ok && strings.Contains(strings.TrimSpace(text), " ") {
				for _, fault := range wordstest.Faults(filled(text)) {
					if !strings.HasPrefix(fault, "an empty list") { // a literal may be the beginning of a sentence
						say(n, fault)
					}
				}
			}
		case *ast.BlockStmt:
			for _, place := range goWords(n.List) {
				say(place, "an error of package strconv or time is said to people")
			}
		}
		return true
	})
	return faults
}

// constant is the text of a literal, or of several that are put together.
func constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		x, one := constant(e.X)
		y, other := constant(e.Y)
		return x + y, one && other && e.Op == token.ADD
	case *ast.ParenExpr:
		return constant(e.X)
	}
	return "", false
}

func calls(e ast.Node, name string) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if id, ok := c.Fun.(*ast.Ident); ok && id.Name == name {
				found = true
			}
		}
		return true
	})
	return found
}

// goWords are statements right after a call of strconv's, or of a parser of package time, that put its error into a text. Their words
// (strconv.Atoi: parsing "x": invalid syntax) are for programmers.
func goWords(list []ast.Stmt) []ast.Node {
	var places []ast.Node
	for i, s := range list {
		assign, isAssign := s.(*ast.AssignStmt)
		var check ast.Stmt
		switch s := s.(type) {
		case *ast.AssignStmt:
			if i+1 < len(list) {
				check = list[i+1]
			}
		case *ast.IfStmt:
			assign, isAssign = s.Init.(*ast.AssignStmt)
			check = s.Body
		}
		if !isAssign || check == nil || len(assign.Rhs) != 1 || !parses(assign.Rhs[0]) {
			continue
		}
		if named, ok := assign.Lhs[len(assign.Lhs)-1].(*ast.Ident); ok && named.Name != "_" {
			if branch, ok := check.(*ast.IfStmt); ok {
				check = branch.Body
			}
			ast.Inspect(check, func(n ast.Node) bool {
				if c, ok := n.(*ast.CallExpr); ok && slices.ContainsFunc(c.Args, func(a ast.Expr) bool { id, ok := a.(*ast.Ident); return ok && id.Name == named.Name }) {
					places = append(places, c)
				}
				return true
			})
		}
	}
	return places
}

// parses reports whether a call reads a number or a time.
func parses(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	f, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	of, ok := f.X.(*ast.Ident)
	return ok && (of.Name == "strconv" || of.Name == "time") && (f.Sel.Name == "Atoi" || strings.HasPrefix(f.Sel.Name, "Parse"))
}
