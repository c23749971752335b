package words

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Distance is how many slips of the hand lie between two words: characters that are missing, too many, other ones, or two that
// changed places. Capitals count.
func Distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			other := 1
			if x[i-1] == y[j-1] {
				other = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+other)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}

const (
	maxCompared = 64 // characters: longer words are not compared, nobody mistypes them so
	maxLike     = 3  // names that one suggestion holds
	minPart     = 3  // characters of a part of a name that suggest it
)

// Like are the names that somebody may have meant who typed a word that is none of them, the most probable first: those that
// a slip or two lie from it, else those that it is a part of. Nil if it is like none.
func Like(word string, names []string) []string {
	word = strings.ToLower(word)
	n := utf8.RuneCountInString(word)
	if n == 0 || n > maxCompared {
		return nil
	}
	slips := map[string]int{}
	var near, part []string
	for _, name := range names {
		lower := strings.ToLower(name)
		if utf8.RuneCountInString(lower) > maxCompared {
			continue
		}
		if d := Distance(word, lower); d <= min(2, n/2) {
			slips[name] = d
			near = append(near, name)
		} else if n >= minPart && strings.Contains(lower, word) {
			part = append(part, name)
		}
	}
	slices.SortStableFunc(near, func(a, b string) int { return cmp.Compare(slips[a], slips[b]) })
	if len(near) == 0 {
		near = part
	}
	return near[:min(len(near), maxLike)]
}

// Or joins names as a choice: "a", "a or b", "a, b or c".
func Or(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
