#!/usr/bin/perl
# cgi_perl.pl - a receiver as one writes it in Perl, with a parser in C: Perl's own JSON::PP makes it
# take twice as long. The secret is in the file $BENCH_SECRET. No age is checked, no log line written.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256_hex);
use JSON::XS qw(decode_json encode_json);

sub read_secret {
    open my $file, '<:raw', $ENV{BENCH_SECRET} or die "$ENV{BENCH_SECRET}: $!";
    local $/;
    return scalar <$file>;
}

sub is_genuine {
    my ($header, $body) = @_;
    my ($timestamp, $signature) = $header =~ /\Atimestamp=([0-9]+),signature=([0-9a-f]{64})\z/ or return 0;
    my $differs = hmac_sha256_hex("$timestamp.$body", read_secret()) ^ $signature;
    return ($differs =~ tr/\0//c) == 0;
}

sub handle {
    my ($header, $body) = @_;
    return ('401 Unauthorized', {error => 'unauthorized'}) unless is_genuine($header, $body);
    my $webhook = eval { decode_json($body) };
    return ('400 Bad Request', {error => 'json'}) unless ref $webhook eq 'HASH' && defined $webhook->{event};
    return ('200 OK', {verdict => 'accepted', event => $webhook->{event}});
}

binmode STDIN;
my $body = do { local $/; <STDIN> } // '';
my ($status, $said) = handle($ENV{HTTP_X_BUILDKITE_SIGNATURE} // '', $body);
print "Status: $status\r\nContent-Type: application/json\r\n\r\n", encode_json($said);
