// Reads records from files, as a consumer in Go would, and writes each back as a line of JSON.
package main

import (
	"fmt"
	"os"
	"strings"

	"readers/events"
)

func readBack(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if strings.Contains(path, "quarantine") {
		record, err := events.UnmarshalQuarantineRecord(text)
		if err != nil {
			return nil, err
		}
		return record.Marshal()
	}
	event, err := events.UnmarshalStatusEvent(text)
	if err != nil {
		return nil, err
	}
	if event.Effective && event.Spent != nil && event.Spent.Amount != nil && *event.Spent.Amount == "" {
		return nil, fmt.Errorf("an empty amount")
	}
	return event.Marshal()
}

func main() {
	for _, path := range os.Args[1:] {
		line, err := readBack(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, path, err)
			os.Exit(1)
		}
		fmt.Println(string(line))
	}
}
