package people

import (
	"maps"

	"sallyport/store"
)

// The settings in which it is kept what accounts are called, for the time when no agent runs.
const (
	PersonsSetting store.Key[map[string]string] = "people"      // of the configuration's person blocks, by account
	SlackSetting   store.Key[map[string]string] = "slack/names" // of people, groups and channels in Slack, by account
)

// Kept are the names that a store knows.
func Kept(tx *store.Tx) (Names, error) {
	all := map[string]string{}
	for _, key := range []store.Key[map[string]string]{SlackSetting, PersonsSetting} { // who is who says the configuration
		kept, _, err := key.Get(tx)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, kept)
	}
	return Known(all), nil
}
