package page

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/notify/words"
)

// Node is a stack in a graph.
type Node struct {
	Name  string
	Note  string   // what stands behind it: its run and how that is
	State State    // its colour
	After []string // names of those that come before it
	Here  bool     // it is what the page is about
}

// Graph is a drawing of which stack comes after which: one below the other, each below all that it comes after, with arcs from one to
// the next at their left. So it is as narrow as a telephone, however many there are.
type Graph struct {
	Title, Text   string // what it shows, for those who do not see it
	Width, Height int
	Edges         []string // paths of SVG
	Nodes         []drawn
	// Lines say the same in words, one for each stack.
	Lines []string
}

// drawn is a node at its place.
type drawn struct {
	Name, Full, Note, Class string
	X, Y, TextX, TextY      int
	Here                    bool
}

const (
	rowHeight  = 30 // pixels, as all here
	laneWidth  = 9  // between arcs that run beside each other
	maxLanes   = 8  // arcs that are longer than these lie over each other
	nameLength = 34 // characters of a name that are drawn
	charWidth  = 8
)

// Draw lays a graph out. What comes after each other in a circle, which no configuration can say, is drawn in the order in which it is given.
func Draw(title string, nodes []Node) Graph {
	nodes = inOrder(nodes)
	at := map[string]int{}
	for i, n := range nodes {
		at[n.Name] = i
	}
	g := Graph{Title: title}
	left, widest := gutter(nodes, at), 0
	for i, n := range nodes {
		y := rowHeight/2 + i*rowHeight
		line := n.Name
		if n.Note != "" {
			line += " (" + n.Note + ")"
		}
		if len(n.After) > 0 {
			line += ", after " + strings.Join(n.After, ", ")
		}
		g.Lines = append(g.Lines, line)
		for _, name := range n.After {
			if from, drawn := at[name]; drawn && from != i {
				g.Edges = append(g.Edges, arc(left, from, i))
			}
		}
		d := drawn{Name: words.Cut(n.Name, nameLength), Note: n.Note, Class: n.State.Class, X: left, Y: y, TextX: left + 16, TextY: y + 5, Here: n.Here}
		if d.Name != n.Name {
			d.Full = n.Name
		}
		g.Nodes = append(g.Nodes, d)
		widest = max(widest, len([]rune(d.Name))+len([]rune(n.Note))+1)
	}
	g.Text = strings.Join(g.Lines, "; ") + "."
	g.Width, g.Height = left+24+widest*charWidth, max(1, len(nodes))*rowHeight
	return g
}

// gutter is where the stacks stand: right of all arcs.
func gutter(nodes []Node, at map[string]int) int {
	lanes := 0
	for i, n := range nodes {
		for _, name := range n.After {
			if from, drawn := at[name]; drawn {
				lanes = max(lanes, laneOf(from, i))
			}
		}
	}
	return 12 + lanes*laneWidth
}

// laneOf is how far an arc reaches to the left: a long one passes around those that are shorter.
func laneOf(from, to int) int { return min(max(to-from, from-to), maxLanes) }

// arc is the way from one stack to one that comes after it.
func arc(x, from, to int) string {
	y1, y2, out := rowHeight/2+from*rowHeight, rowHeight/2+to*rowHeight, x-laneOf(from, to)*laneWidth
	if to == from+1 {
		return fmt.Sprintf("M%d %dV%d", x, y1+6, y2-6)
	}
	return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x-6, y1, out-6, y1, out-6, y2, x-6, y2)
}

// inOrder puts each node below all that it comes after, and else leaves them in their order.
func inOrder(nodes []Node) []Node {
	by := map[string]Node{}
	for _, n := range nodes {
		by[n.Name] = n
	}
	var out []Node
	seen := map[string]bool{}
	var visit func(n Node)
	visit = func(n Node) {
		if seen[n.Name] {
			return
		}
		seen[n.Name] = true
		for _, name := range slices.Sorted(slices.Values(n.After)) {
			if up, known := by[name]; known {
				visit(up)
			}
		}
		out = append(out, n)
	}
	for _, n := range nodes {
		visit(n)
	}
	return out
}
