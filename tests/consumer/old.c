/* SPDX-License-Identifier: MIT */
/*
 * old.c - a program built with the headers of an older release, which runs with the current library
 *
 * Each struct ends at the end of mapped memory: a library that reads members which the program
 * lacks crashes it. One capture goes to standard output, another to the file named on the command
 * line.
 */
#include <pcapng/files.h>
#include <pcapng/writer.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *at_end_of_memory(const void *data, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);

	if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE) < 0)
		_exit(3);
	return memcpy(pages + page - len, data, len);
}

#define OLD(type, ...) at_end_of_memory(&(struct type){ __VA_ARGS__ }, sizeof(struct type))
#define SIZED(type, ...)                                                                           \
	at_end_of_memory(&(struct type){ .size = sizeof(struct type), __VA_ARGS__ },               \
			 sizeof(struct type))

static const char frame[60] = "old";

static ssize_t output(void *user, const struct iovec *iov, int iovcnt)
{
	ssize_t n = 0;

	for (int i = 0; i < iovcnt; i++)
		n += (ssize_t)fwrite(iov[i].iov_base, 1, iov[i].iov_len, (FILE *)user);
	return n;
}

/* Writes every struct that becomes a block. */
static int write_blocks(struct pcapng_writer *w)
{
	static const char *const names[] = { "old" };
	static const struct pcapng_hash hash = { PCAPNG_HASH_TOEPLITZ, "hash", 4 };
	const struct pcapng_name *record = OLD(pcapng_name, PCAPNG_NRB_IPV4, (const uint8_t *)"old",
					       names, 1);
	const uint32_t packet = PCAPNG_PACKET_FLAGS | PCAPNG_PACKET_DROPCOUNT |
				PCAPNG_PACKET_PACKETID | PCAPNG_PACKET_QUEUE;
	int r = pcapng_writer_add_interface(
		w, OLD(pcapng_interface, .linktype = 1, .mask = PCAPNG_INTERFACE_FCSLEN), NULL);

	for (int i = 0; r == 0 && i < 4; i++)
		r = pcapng_writer_add_packet(
			w, OLD(pcapng_packet, .data = frame, .caplen = sizeof(frame),
			       .len = sizeof(frame), .hashes = &hash, .n_hashes = i > 0,
			       .mask = i < 2 ? 0 : packet | (i == 3 ? PCAPNG_PACKET_PROCESS : 0)));
	if (r == 0)
		r = pcapng_writer_add_simple_packet(w, OLD(pcapng_packet, .data = frame,
							   .caplen = sizeof(frame),
							   .len = sizeof(frame)));
	if (r == 0)
		r = pcapng_writer_add_stats(w, OLD(pcapng_stats, .mask = PCAPNG_STATS_IFRECV));
	if (r == 0)
		r = pcapng_writer_add_names(w,
					    OLD(pcapng_names, .records = record, .n_records = 1));
	if (r == 0)
		r = pcapng_writer_add_secrets(w, OLD(pcapng_secrets, .type = PCAPNG_SECRETS_TLS));
	if (r == 0)
		r = pcapng_writer_add_custom(w, OLD(pcapng_custom, .pen = 32473));
	if (r == 0)
		r = pcapng_writer_add_section(w, OLD(pcapng_section, .os = "old"));
	return r;
}

static int write_stream(void)
{
	struct pcapng_writer *w;
	int r = pcapng_writer_new(OLD(pcapng_section, .userappl = "old"),
				  SIZED(pcapng_writer_config, .copy_below = SIZE_MAX), output,
				  stdout, &w);

	if (r < 0)
		return r;
	r = write_blocks(w);
	if (r == 0)
		r = pcapng_writer_flush(w);
	pcapng_writer_free(w);
	return r;
}

/* The struct may have members that the program does not know; it uses those it knows. */
static void on_event(void *user, const struct pcapng_files_event *event)
{
	if (event->what == PCAPNG_FILES_FINISHED)
		*(uint64_t *)user += event->packets;
}

static int write_file(const char *path)
{
	struct pcapng_error *error = OLD(pcapng_error, 0);
	uint64_t packets = 0;
	struct pcapng_files *f;
	int r = pcapng_files_new(NULL, SIZED(pcapng_writer_config, 0),
				 SIZED(pcapng_files_config, .path = path, .single = true,
				       .on_event = on_event, .user = &packets, .error = error),
				 &f);

	if (r < 0)
		return r;
	r = pcapng_files_add_interface(f, OLD(pcapng_interface, .linktype = 1), NULL);
	if (r == 0)
		r = pcapng_files_add_packet(f, OLD(pcapng_packet, .data = frame, .caplen = 60,
						   .len = sizeof(frame)));
	if (r == 0)
		r = pcapng_files_close(f);
	pcapng_files_free(f);
	return r < 0 ? r : packets != 1;
}

int main(int argc, char **argv)
{
	int r = argc == 2 ? write_stream() : -1;

	return r < 0 || write_file(argv[1]) != 0;
}
