package page

import (
	"testing"

	"sallyport/agent/need"
)

func TestMain(m *testing.M) { need.Exit(need.Main(m)) }
