package page

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDraw(t *testing.T) {
	g := Draw("stacks", []Node{
		{Name: "monitoring", Note: "#13 pending", After: []string{"dns", "ghe"}}, {Name: "dns", After: []string{"network"}},
		{Name: "ghe", Note: "#12 planned", State: State{Class: "wait"}, After: []string{"network"}, Here: true}, {Name: "network"}, {Name: strings.Repeat("long", 20)},
	})
	var names []string
	for _, n := range g.Nodes {
		names = append(names, n.Name)
	}
	if got := strings.Join(names, " "); got != "network dns ghe monitoring longlonglonglonglonglonglonglonglo…"[:len("network dns ghe monitoring ")]+names[4] || g.Nodes[4].Full != strings.Repeat("long", 20) {
		t.Errorf("the stacks stand as %s", got)
	}
	if len(g.Edges) != 4 || !g.Nodes[2].Here || g.Nodes[2].Class != "wait" {
		t.Errorf("drawn is %+v", g)
	}
	if want := "network; dns, after network; ghe (#12 planned), after network; monitoring (#13 pending), after dns, ghe; "; !strings.HasPrefix(g.Text, want) {
		t.Errorf("in words it is %s", g.Text)
	}
}

// TestDrawAnything: whatever comes after what, in circles too, each stack is drawn once and in the picture, and without a circle below all
// that it comes after.
func TestDrawAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "stacks")
		circles := rapid.Bool().Draw(t, "circles")
		var nodes []Node
		for i := range n {
			node := Node{Name: fmt.Sprint("s", i)}
			for k := range n {
				if (circles || k > i) && rapid.Bool().Draw(t, "after") {
					node.After = append(node.After, fmt.Sprint("s", k))
				}
			}
			nodes = append(nodes, node)
		}
		g := Draw("x", nodes)
		at := map[string]int{}
		for i, d := range g.Nodes {
			at[d.Name] = i
			if d.X < 6 || d.Y < 6 || d.Y > g.Height-6 || d.TextX >= g.Width {
				t.Fatalf("%s is out of the picture: %+v of %dx%d", d.Name, d, g.Width, g.Height)
			}
		}
		if len(g.Nodes) != n || len(at) != n {
			t.Fatalf("%d of %d stacks are drawn", len(g.Nodes), n)
		}
		for _, node := range nodes {
			for _, name := range node.After {
				if !circles && at[name] >= at[node.Name] {
					t.Fatalf("%s does not stand below %s", node.Name, name)
				}
			}
		}
	})
}
