# Answers one connection, which is its standard input and output: from the folder that bears the client's address, and no other.
exec busybox httpd -i -c /dev/null -h "documents/$SOCAT_PEERADDR"
