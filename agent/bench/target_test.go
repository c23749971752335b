package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// against reports a figure and, right behind it in the row, what it must not be above.
func against(b *testing.B, measured, most float64, unit string) {
	b.Helper()
	b.ReportMetric(measured, unit)
	b.ReportMetric(most, unit+"-target")
}

// How often the disk is asked for what it takes.
const (
	diskFiles = 200
	diskSyncs = 20
)

// disk reports what the disk under the benchmark takes now: to make a file, of which a checkout needs one for each of its
// files and directories, and to fsync four kilobytes, of which every transition needs two. A figure of the agent is worth
// little without them. Ext4 without a journal needs ten times longer for a file where many were deleted in the last
// minutes, as benchmarks do.
func disk(b *testing.B) {
	b.Helper()
	dir := b.TempDir()
	start := time.Now()
	for n := range diskFiles {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(n)))
		must(b, err)
		must(b, f.Close())
	}
	b.ReportMetric(float64(time.Since(start).Microseconds())/diskFiles, "disk-create-us")
	f, err := os.Create(filepath.Join(dir, "synced"))
	must(b, err)
	defer func() { must(b, f.Close()) }()
	var syncs samples
	for n := range diskSyncs {
		start := time.Now()
		_, err := f.WriteAt(make([]byte, 4096), int64(n)*4096)
		must(b, err)
		must(b, f.Sync())
		syncs.add(time.Since(start))
	}
	syncs.report(b, "disk-fsync-ms")
}
