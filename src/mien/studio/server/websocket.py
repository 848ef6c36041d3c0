"""WebSocket connections of the studio: uvicorn's own, able to end at every moment."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection. uvicorn raises, and does not finish its shutdown, when it is being closed at that moment.

    uvicorn 0.54 when the page closes it, 0.50 also when the studio does.
    """

    def shutdown(self) -> None:
        """End the connection; one that is being closed gets no second close frame."""
        try:
            super().shutdown()
        except InvalidState:
            self.transport.close()
