package bench

import (
	"flag"
	"strconv"
	"strings"
	"testing"
)

// size is how large a benchmark is: as its flag says, or else full, or else small under -short.
type size struct {
	flag        *int
	full, small int
}

// sizeFlag makes the flag. Its default, 0, stands for full.
func sizeFlag(name string, full, small int, usage string) size {
	return size{flag: flag.Int(name, 0, usage+"; 0 for "+commas(full)+", with -short "+commas(small)), full: full, small: small}
}

func (s size) get() int {
	switch {
	case *s.flag > 0:
		return *s.flag
	case testing.Short():
		return s.small
	}
	return s.full
}

// turns is how often one operation of a benchmark goes round: the agent, its opponent, the agent, its opponent.
var turns = sizeFlag("bench.turns", 3, 1, "how often opponents take turns in one operation")

// commas is a number as people write it.
func commas(n int) string {
	text := strconv.Itoa(n)
	var parts []string
	for ; len(text) > 3; text = text[:len(text)-3] {
		parts = append([]string{text[len(text)-3:]}, parts...)
	}
	return strings.Join(append([]string{text}, parts...), ",")
}
