package slack_test

import (
	"os"
	"testing"

	"sallyport/agent/need"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }
