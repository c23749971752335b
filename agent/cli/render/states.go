package render

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"sallyport/agent/archive"
)

// StateCopies is a table of the kept copies of a state.
func (w Width) StateCopies(copies []archive.StateCopy, now time.Time) string {
	var rows [][]string
	for _, c := range copies {
		from := "before a restore or a command"
		if c.Run != 0 {
			from = fmt.Sprintf("before the apply of #%d", c.Run)
		}
		rows = append(rows, []string{c.Name, strconv.FormatInt(c.Serial, 10), ago(&c.At, now), strconv.Itoa(c.Resources), humanize.IBytes(uint64(max(0, c.Bytes))), from})
	}
	return table{headings: []string{"NAME", "SERIAL", "KEPT", "RESOURCES", "SIZE", "FROM"}, rows: rows, spare: []string{"SIZE", "RESOURCES"}}.in(w)
}
