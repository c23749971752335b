package slacktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"sallyport/notify/slack/slacktest/blockkit"
)

// checkBlocks holds a message's blocks against Block Kit's limits and gives those without an id one, as Slack does.
func (s api) checkBlocks(raw string) ([]map[string]any, result) {
	var blocks []map[string]any
	if err := json.Unmarshal([]byte(raw), &blocks); err != nil {
		return nil, failure("invalid_blocks_format")
	}
	if faults := blockkit.Message(blocks); len(faults) > 0 {
		return nil, faulty("invalid_blocks", faults)
	}
	nameBlocks(s.Server, blocks)
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(raw)); err == nil && utf8.RuneCount(compact.Bytes()) > s.opts.MaxBlocks {
		return nil, failure("msg_blocks_too_long")
	}
	return blocks, nil
}

func faulty(code string, faults []string) result {
	r := failure(code)
	r["response_metadata"] = map[string]any{"messages": faults}
	return r
}

// nameBlocks gives blocks without an id one, and elements too.
func nameBlocks(s *Server, blocks []map[string]any) {
	name := func(m map[string]any, key string) {
		if id, _ := m[key].(string); id == "" {
			s.serial++
			m[key] = fmt.Sprintf("b%04d", s.serial)
		}
	}
	for _, b := range blocks {
		name(b, "block_id")
		for _, e := range blockkit.Elements(b) {
			name(e, "action_id")
		}
	}
}
