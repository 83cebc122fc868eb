// SPDX-License-Identifier: MIT

// Prints what gopacket reads: nanoseconds, captured, on the wire, data.
package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/google/gopacket/pcapgo"
)

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	options := pcapgo.DefaultNgReaderOptions
	options.WantMixedLinkType = true
	reader, err := pcapgo.NewNgReader(file, options)
	for err == nil {
		data, info, e := reader.ReadPacketData()
		if err = e; err == nil {
			var ns int64 // 0: a packet without a time
			if !info.Timestamp.IsZero() {
				ns = info.Timestamp.UnixNano()
			}
			fmt.Println(ns, info.CaptureLength, info.Length, hex.EncodeToString(data))
		}
	}
	if err != io.EOF {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
