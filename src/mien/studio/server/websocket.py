"""WebSocket connections of the studio: uvicorn's own, able to end at every moment."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection. uvicorn 0.54 raises, and does not finish its shutdown, when the page is closing it at that moment."""

    def shutdown(self) -> None:
        """End the connection; a connection that the page is closing gets no second close frame."""
        if self.handshake_complete and not self.close_sent and self.conn.state is not State.OPEN:
            self.stop_keepalive()
            self.transport.close()
        else:
            super().shutdown()
