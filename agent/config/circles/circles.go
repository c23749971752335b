// Package circles finds what waits for itself.
package circles

import (
	"maps"
	"slices"
)

// Of returns the circles among names of which each comes after others, each circle once, beginning with the first in the alphabet. Others
// that are no names themselves do not count.
func Of(after map[string][]string) [][]string {
	const (
		open = iota + 1
		done
	)
	state := map[string]int{}
	var path []string
	var found [][]string
	var visit func(name string)
	visit = func(name string) {
		state[name] = open
		path = append(path, name)
		for _, up := range slices.Compact(slices.Sorted(slices.Values(after[name]))) {
			_, known := after[up]
			switch {
			case !known || state[up] == done:
			case state[up] == open:
				found = append(found, rotated(path[slices.Index(path, up):]))
			default:
				visit(up)
			}
		}
		path = path[:len(path)-1]
		state[name] = done
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if state[name] == 0 {
			visit(name)
		}
	}
	return found
}

// rotated copies a circle so that it begins with the first name in the alphabet.
func rotated(circle []string) []string {
	first := slices.Index(circle, slices.Min(circle))
	return append(slices.Clone(circle[first:]), circle[:first]...)
}
