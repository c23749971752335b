package people

import (
	"maps"

	"sallyport/store"
)

// The settings in which it is kept what accounts are called, for the time when no agent runs.
const (
	PersonsSetting = "people"      // of the configuration's person blocks, by account
	SlackSetting   = "slack/names" // of people, groups and channels in Slack, by account
)

// Kept are the names that a store knows.
func Kept(tx *store.Tx) (Names, error) {
	all := map[string]string{}
	for _, key := range []string{SlackSetting, PersonsSetting} { // who is who says the configuration
		kept := map[string]string{}
		if _, err := tx.Setting(key, &kept); err != nil {
			return nil, err
		}
		maps.Copy(all, kept)
	}
	return Known(all), nil
}
